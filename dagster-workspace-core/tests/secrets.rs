//! What may be secret is shown nowhere: every place in which a document can hold a secret, whether the document reads or not,
//! by everything that core says of it. A secret has `MARK` in it.

use dagster_workspace_core::diff::{Diff, MergeKeys};
use dagster_workspace_core::error::Diagnostic;
use dagster_workspace_core::lint::{Target, lint_pairing, lint_values, lint_workspace};
use dagster_workspace_core::merge::{self, Input, Three};
use dagster_workspace_core::secret::{Shown, hidden};
use dagster_workspace_core::value::Value;
use dagster_workspace_core::yaml::{Document, Path, Schema};

/// Checks a text as it is shown, that it keeps every line and column, and that data of it is hidden where the text is.
#[track_caller]
fn check(text: &str, expected: &str) {
    let shown = Shown::of(text);
    assert_eq!(shown.to_string(), expected, "\n{text}");
    assert_eq!(format!("{shown:?}"), format!("{expected:?}"));
    let found = shown.to_string();
    for (line, own) in found.split('\n').zip(text.split('\n')) {
        assert_eq!(width(line), width(own), "{own}");
    }
    if let Ok(value) =
        Document::parse(text).map_err(drop).and_then(|it| it.root().ok_or(())?.to_value(Schema::Helm).map_err(drop))
    {
        let hides = hidden(&value, &Path::default()) != value;
        // What an alias means is known of spans alone, and comments are no data.
        assert!(text.contains(['&', '#']) || hides == (found != text), "{value:?}\n{text}");
        assert!(!format!("{value:?}").contains("MARK") || text.contains(['&', '#']), "{value:?}");
    }
}

fn width(text: &str) -> usize {
    text.chars().map(|c| if "日本".contains(c) { 2 } else { 1 }).sum()
}

#[test]
fn variables_are_hidden_but_for_names_and_references() {
    check("env:\n  A: s3\n  B: \"ü\"\nport: 1\n", "env:\n  A: **\n  B: ***\nport: 1\n");
    check("d: [{env: {A: x, B: 日本}, n: z}]\n", "d: [{env: {A: *, B: ****}, n: z}]\n");
    check("env:\n- name: A\n  value: abc\n- name: B\n", "env:\n- name: A\n  value: ***\n- name: B\n");
    check("env:\n  A: |\n    one\n    two\n", "env:\n  A: *\n    ***\n    ***\n");
    check("env:\n  A: one\n    two\n  C: x\n", "env:\n  A: ***\n    ***\n  C: *\n");
    check(
        "\"env\": {'A': !!str x, B: 12, C: true, D: ~, E: }\n",
        "\"env\": {'A': ***** *, B: **, C: true, D: ~, E: }\n",
    );
    check(
        "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n",
        "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n",
    );
    check("env: [A=x, B, {A: x}]\n", "env: [***, B, {A: *}]\n");
    check("? env\n: A: x\n", "? env\n: A: *\n");
    check("envVars: [\"A=x\", HOME]\n", "envVars: [*****, HOME]\n");
    check("evn: {A: x}\nend: 1\n", "evn: {A: *}\nend: 1\n");
    check("port: {env: PORT}\n", "port: {env: PORT}\n");
    check(
        "envSecrets: [{name: s}]\nenvFrom: [{secretRef: {name: s}}]\n",
        "envSecrets: [{name: s}]\nenvFrom: [{secretRef: {name: s}}]\n",
    );
    check(
        "initContainers: [{name: a, env: [{name: A, value: x}]}]\n",
        "initContainers: [{name: a, env: [{name: A, value: *}]}]\n",
    );
    check(
        "runLauncher: {config: {k8sRunLauncher: {env: {A: x}}}}\ndagsterDaemon: {env: {A: x}}\n",
        "runLauncher: {config: {k8sRunLauncher: {env: {A: *}}}}\ndagsterDaemon: {env: {A: *}}\n",
    );
}

#[test]
fn what_stands_under_a_key_for_credentials_is_hidden() {
    for key in [
        "password",
        "postgresqlPassword",
        "api_key",
        "AWS_SECRET_ACCESS_KEY",
        "secretKey",
        "credentials",
        "dsn",
        "SENTRY_DSN",
        "passphrase",
        "connectionString",
        "slackWebhookUrl",
        "x-api-key",
        "privateKey",
        "clientSecret",
        "tunnel_token",
        "dbPass",
        "pasword",
        "secret",
        "Authorization",
        ".dockerconfigjson",
        "\"pass\\x77ord\"",
    ] {
        check(&format!("{key}: x\n"), &format!("{key}: *\n"));
        check(&format!("a: [{{{key}: 12, b: c}}]\n"), &format!("a: [{{{key}: **, b: c}}]\n"));
    }
    for key in [
        "secretKeyRef",
        "passwordSecretName",
        "tokenEnabled",
        "secretName",
        "key",
        "tag",
        "passwordKey",
        "existingSecret",
        "imagePullSecrets",
        "topologyKey",
        "passwordFile",
        "python_environment",
        "end",
        "location_name",
        "generatePostgresqlPasswordSecret",
    ] {
        check(&format!("{key}: x\n"), &format!("{key}: x\n"));
    }
    check("credentials: {user: a, more: [b, {c: d}]}\n", "credentials: {user: *, more: [*, {c: *}]}\n");
    check("password: {valueFrom: {secretKeyRef: {name: s}}}\n", "password: {valueFrom: {secretKeyRef: {name: s}}}\n");
    check("password: {env: PG}\nusePassword: false\n", "password: {env: PG}\nusePassword: false\n");
    check(
        "volumes: [{secret: {secretName: s}}]\nsecrets: {a: x}\n",
        "volumes: [{secret: {secretName: s}}]\nsecrets: {a: *}\n",
    );
    check(
        "kind: Secret\ndata: {a: eA==}\nstringData:\n  b: x\n",
        "kind: Secret\ndata: {a: ****}\nstringData:\n  b: *\n",
    );
    check("kind: ConfigMap\ndata: {a: eA==}\n", "kind: ConfigMap\ndata: {a: eA==}\n");
    check("password: !x &y\n", "password: ** **\n");
}

#[test]
fn credentials_are_hidden_wherever_they_stand() {
    for text in [
        "postgres://user:pass@db/x",
        "--url=postgres://user:p@ss@db:5432",
        "https://u:p/w@h/x",
        "Bearer abc",
        "authorization bearer abc",
        "--password=x",
        "--from-literal=password=x",
        "export API_KEY=x",
        "dagster --token x",
        "https://h/x?token=abc",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_0123456789abcdef",
        "eyJhbGciOi.eyJzdWIi.abc",
    ] {
        let stars: String = text.chars().map(|c| if c == ' ' { ' ' } else { '*' }).collect();
        check(&format!("a: {text}\n"), &format!("a: {stars}\n"));
        check(&format!("args: [a, \"{text}\"]\n"), &format!("args: [a, *{stars}*]\n"));
    }
    for text in [
        "https://example.com:80/a@b:c",
        "git@example.com:x",
        "s3://user@bucket",
        "acme/token-service:1.2",
        "--token",
        "-m",
        "token",
        "image@sha256:abc",
        "http://h:80/",
        "basic",
    ] {
        check(&format!("a: {text}\n"), &format!("a: {text}\n"));
    }
    check("args: [--token, x, --port, '1']\n", "args: [--token, *, --port, '1']\n");
    check("a: |\n  env:\n    A: x\n", "a: *\n  ****\n    ** *\n");
    check("a: '{\"env\": {\"A\": 1}}'\n", "a: ******** ***** ****\n");
}

#[test]
fn what_an_alias_brings_to_secrets_is_hidden_where_it_stands() {
    check("x: &e {A: x}\nenv: *e\n", "x: &e {A: *}\nenv: *e\n");
    check("x: &e {A: x}\nenv: {<<: *e, B: y}\n", "x: &e {A: *}\nenv: {<<: *e, B: *}\n");
    check("x: &e {name: x}\nenv: {<<: [*e]}\n", "x: &e {name: *}\nenv: {<<: [*e]}\n");
    check("x: &pw abc\nenv: [{name: A, value: *pw}]\n", "x: *** ***\nenv: [{name: A, value: *pw}]\n");
    check("x: &v {name: A, value: x}\ny: &l [*v]\nenv: *l\n", "x: &v {name: A, value: *}\ny: &l [*v]\nenv: *l\n");
    check("x: &d {env: {A: x}}\nd: [{<<: *d, n: 1}]\n", "x: &d {env: {A: *}}\nd: [{<<: *d, n: 1}]\n");
    check("x: &a 1\nb: *a\n", "x: &a 1\nb: *a\n");
    check("env: {A: *nope}\n", "env: {A: *****}\n");
    check("x: &x [*x]\nenv: *x\n", "x: &x [**]\nenv: *x\n");
}

#[test]
fn comments_are_read_as_lines() {
    check(
        "env: # all\n  A: x # was y\n  # B: z\nport: 1 # two\n",
        "env: * ***\n  A: * * *** *\n  # B: *\nport: 1 # two\n",
    );
    check("a: 1\n# env:\n#   A: x\n# b: c\nd: 1\n", "a: 1\n# env:\n#   A: *\n# b: c\nd: 1\n");
    check("a: 1 # password: x\n", "a: 1 # password: *\n");
}

/// Values with a secret at every place; one document for blocks, one for brackets, one for anchors, one of several kinds.
const MARKED: [&str; 5] = [
    "deployments:
  - name: etl
    image: {repository: acme/etl, tag: \"1\", pullPolicy: Always}
    dagsterApiGrpcArgs: [\"-m\", etl]
    port: 3030
    env:
      A: s3cr3t-MARK-01
      B: \"s3cr3t-MARK-02\"
      C: |
        one
        s3cr3t-MARK-03
    initContainers:
      - name: init
        env:
        - name: A
          value: s3cr3t-MARK-04
        - {name: B, value: 's3cr3t-MARK-05'}
        args:
        - --token
        - s3cr3t-MARK-06
        - --password=s3cr3t-MARK-07
    resources: {}
postgresql:
  postgresqlPassword: s3cr3t-MARK-08
  url: postgres://user:s3cr3t-MARK-09@db:5432/x
dagsterDaemon:
  env: # s3cr3t-MARK-10
    # OLD: s3cr3t-MARK-11
    A: s3cr3t-MARK-12 # s3cr3t-MARK-13
  x: 1
",
    "deployments: [{name: etl, image: {repository: etl, tag: \"1\"}, env: {A: s3cr3t-MARK-21, B: \"s3cr3t-MARK-22\"}, port: 3030}]
dagsterWebserver: {env: [{name: A, value: s3cr3t-MARK-23}, {name: B, value: s3cr3t-MARK-24}], apiKey: s3cr3t-MARK-25}
runLauncher: {config: {k8sRunLauncher: {env: {
  A: s3cr3t-MARK-26,
  B: 's3cr3t-MARK-27'
}, envVars: [\"A=s3cr3t-MARK-28\"]}}}
port: 1
",
    "x-common:
  image: &image {repository: etl, tag: \"1\"}
  env: &env
    A: s3cr3t-MARK-31
x-pw: &pw s3cr3t-MARK-32
x-more: &more {B: s3cr3t-MARK-33}
deployments:
- name: etl
  image: *image
  port: 3030
  env:
    <<: [*env, *more]
    C: *pw
- name: b
  port: 3031
  image: {repository: b}
  env: *env
",
    "load_from:
  - grpc_server:
      host: etl
      port: {env: ETL_PORT}
      location_name: etl
      additional_metadata:
        password: s3cr3t-MARK-41
        \"api-key\": \"s3cr3t-MARK-42\"
        note: Authorization Bearer s3cr3t-MARK-43
  - python_file: x.py
",
    "apiVersion: v1
kind: Secret
metadata: {name: s, annotations: {token: s3cr3t-MARK-51}}
stringData:
  a: s3cr3t-MARK-52
data:
  b: s3cr3t-MARK-53
---
key: |
  -----BEGIN PRIVATE KEY-----
  s3cr3t-MARK-54
  -----END PRIVATE KEY-----
other: 1
",
];

/// The marks that a text shows.
fn marks(shown: &str) -> Vec<&str> {
    let found = shown.match_indices("s3cr3t-MARK-").filter_map(|(at, _)| shown.get(at..at + 14));
    found.filter(|mark| mark.bytes().skip(12).all(|byte| byte.is_ascii_digit())).collect()
}

/// What the readers of a text say of it: of one that is no YAML why, else findings of all kinds.
fn said(text: &str) -> Vec<Diagnostic> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![error.diagnostic()],
    };
    let target = Target::default();
    let mut found = lint_values(&document, &target);
    found.extend(lint_workspace(&document, &target));
    found.extend(lint_pairing(&document, &document, &target));
    for root in document.roots() {
        found.extend(root.to_value(Schema::Helm).err().map(|error| error.diagnostic()));
    }
    found
}

/// Checks that nothing that is said of a text shows a mark.
fn check_said(text: &str, wrong: &mut Vec<String>) {
    for finding in said(text) {
        let rendered = finding.render("values.yaml", &Shown::of(text));
        let all = [rendered, format!("{finding} {finding:?}")];
        wrong.extend(all.into_iter().filter(|shown| !marks(shown).is_empty()));
    }
}

#[test]
fn every_mark_is_secret_in_its_document() {
    for text in MARKED {
        let shown = Shown::of(text).to_string();
        assert!(marks(&shown).is_empty() && !marks(text).is_empty(), "{shown}");
        let mut wrong = Vec::new();
        check_said(text, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Every text that a byte less, more, or another makes of the marked ones, and every beginning of them.
fn mutated() -> impl Iterator<Item = String> {
    const BYTES: &str = "{}[]:,\"'\n\t&*!#-|>%@`? x";
    MARKED.into_iter().flat_map(|text| {
        (0..text.len()).flat_map(move |at| {
            let (head, rest) = text.split_at(at);
            let behind = &rest[1..];
            let with = BYTES.chars().flat_map(move |c| [format!("{head}{c}{behind}"), format!("{head}{c}{rest}")]);
            [head.to_owned(), format!("{head}{behind}")].into_iter().chain(with)
        })
    })
}

#[test]
fn no_broken_document_shows_a_mark() {
    let (mut broken, mut wrong) = (0, Vec::new());
    for text in mutated().filter(|text| Document::parse(text.as_str()).is_err()) {
        broken += 1;
        check_said(&text, &mut wrong);
    }
    assert!(broken > 20_000, "{broken}");
    assert!(wrong.is_empty(), "{} of {broken}\n{}", wrong.len(), wrong.iter().take(30).cloned().collect::<String>());
}

/// Checks that a text of ours shows no mark.
#[track_caller]
fn check_shown(what: &str, shown: &str) {
    assert!(marks(shown).is_empty(), "{what}\n{shown}");
}

#[test]
fn no_difference_shows_a_mark() {
    for text in MARKED {
        let sides = ["{}\n".to_owned(), text.to_owned(), text.replace("MARK-", "MARK-9").replace("MARK-9", "MARX-")];
        for (before, after) in [(0, 1), (1, 0), (2, 1), (1, 2)] {
            let [before, after] = [before, after].map(|at| Document::parse(sides[at].as_str()).unwrap());
            let diff = Diff::between(&before, &after, Schema::Helm, &MergeKeys::default()).unwrap();
            let all = format!("{diff}\n{diff:?}\n{}", serde_json::to_string(&diff.changes).unwrap());
            check_shown("diff", &all);
            assert!(!all.contains("MARX"), "{all}");
        }
    }
}

#[test]
fn no_conflict_shows_a_mark() {
    for text in MARKED {
        let [ours, theirs] = ["OURS", "NONE"].map(|side| text.replace("s3cr3t-MARK-", &format!("s3cr3t-{side}-")));
        let found = merge::three_way(text, &ours, &theirs, &MergeKeys::default()).unwrap();
        assert!(!found.conflicts.is_empty());
        let texts = Three { base: Shown::of(text), ours: Shown::of(&ours), theirs: Shown::of(&theirs) };
        for conflict in &found.conflicts {
            let shown = conflict.shown(&texts);
            let sides = [&shown.base, &shown.ours, &shown.theirs].map(|value| serde_json::to_string(value).unwrap());
            let rendered = conflict.diagnostic(Input::Ours).render("a", &texts.ours);
            let all = format!("{conflict} {conflict:?} {rendered} {sides:?}");
            assert!(!["MARK-", "OURS-", "NONE-"].iter().any(|mark| all.contains(mark)), "{all}");
        }
        assert!(!format!("{found:?}").contains("OURS-"), "{found:?}");
    }
}

#[test]
fn no_debug_form_of_a_document_shows_a_mark() {
    for text in MARKED {
        let document = Document::parse(text).unwrap();
        check_shown("document", &format!("{document:?} {:?}", document.root()));
    }
    let value = Document::parse("env: {A: s3cr3t-MARK-01}\nx: [--token, s3cr3t-MARK-02]\n").unwrap();
    let value: Value = value.root().unwrap().to_value(Schema::Helm).unwrap();
    assert_eq!(format!("{value:?}"), r#"{"env": {"A": "(hidden)"}, "x": ["--token", "(hidden)"]}"#);
}

#[test]
fn messages_of_others_show_no_value_of_a_document() {
    let shown = Shown::of("env: {A: s3cr3t-MARK-01, B: prod, C: '80'}\nname: etl-prod\n");
    let found = shown.message("spec.env[0]: Invalid value: \"xs3cr3t-MARK-01\": of etl-prod, prod, port 8080");
    assert_eq!(found, "spec.env[0]: Invalid value: \"x***\": of etl-***, ***, port 8080");
}
