# Two commands do everything: `make demo` and `make test`. Each target calls one script; the reasons stand there.

.PHONY: demo test test-rust test-python test-cluster laws lint bench bench-cluster setup clean

demo: ; @scripts/demo.sh
test: ; @scripts/test.sh
test-rust: ; @scripts/test-rust.sh
test-python: ; @scripts/test-python.sh
test-cluster: ; @scripts/test-cluster.sh
laws: ; @scripts/laws.sh
lint: ; @scripts/lint.sh
bench: ; @scripts/bench.sh
bench-cluster: ; @scripts/bench-cluster.sh
setup: ; @scripts/setup.sh
clean: ; @scripts/clean.sh
