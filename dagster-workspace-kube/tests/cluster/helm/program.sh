#!/bin/sh
# Stands for helm in the tests, under a link of that name in a folder of the test's own: notes its arguments and its id
# there, does what the file `script` says, if there is one, and becomes the real helm, the link `real`.
here=$(dirname "$0")
echo "$*" >>"$here/log"
echo $$ >"$here/pid"
if [ -f "$here/script" ]; then
    . "$here/script"
fi
exec "$here/real" "$@"
