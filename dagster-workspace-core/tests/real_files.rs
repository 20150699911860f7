//! Transforms of files that people and charts really have. Each change leaves every line outside of it as it is, goes back
//! where there is a way back, changes nothing the second time, and gives PyYAML, helm 3, helm 4 and Dagster's own loader the
//! data that it gives when made naively.
//!
//! What is not done stands in [`REFUSED_VALUES`] and [`REFUSED_WORKSPACES`], with its reason.

mod readers;
mod real;

use std::fs;
use std::path::Path;

use dagster_workspace_core::lint::{Target, Version};
use dagster_workspace_core::transform::{Transform, apply};
use dagster_workspace_core::yaml::{Document, Schema};
use readers::Python;
use real::{Asked, data, floats};
use serde_json::{Value as Json, json};
use testing::Oracle;

const NESTED: &[&str] = &["dagster-user-deployments", "deployments"];
const UMBRELLA: &[&str] = &["dagster", "dagster-user-deployments", "deployments"];
const ALONE: &[&str] = &["deployments"];

/// Where the corpus has its deployments, by the numbers of the files, and which chart they are for.
const CORPUS: [(&str, &[&str], Version); 13] = [
    ("01", ALONE, Version::new(1, 10, 5)),
    ("02", NESTED, Version::new(1, 3, 7)),
    ("03", ALONE, Version::new(1, 5, 0)),
    ("04", NESTED, Version::new(1, 5, 0)),
    ("05", ALONE, Version::new(1, 10, 5)),
    ("06", UMBRELLA, Version::new(1, 13, 0)),
    ("07", NESTED, Version::new(1, 3, 7)),
    ("08", NESTED, Version::new(1, 5, 0)),
    ("09", NESTED, Version::new(1, 5, 0)),
    ("10", UMBRELLA, Version::new(1, 5, 0)),
    ("11", NESTED, Version::new(1, 3, 7)),
    ("12", NESTED, Version::new(1, 5, 0)),
    ("13", NESTED, Version::new(0, 15, 5)),
];

/// Values: how the name of the file begins, the changes, the codes of their errors, and why.
const REFUSED_VALUES: [Refused; 3] = [
    ("07", "port env image nested set-image", "DW0502", "it has no deployment"),
    ("08", "port env image", "DW0208", "its repository and tag are null, which the chart's schema refuses"),
    ("08", "nested", "DW0208", "it has no repository; its affinity, an alias, would get a value of its own"),
];

/// Workspace files: as above.
const REFUSED_WORKSPACES: [Refused; 24] = [
    ("02", "port host nested", "DW0503", NO_SERVER),
    ("05", "port host nested", "DW0503", NO_SERVER),
    ("06", "add", "DW0119", "it is a template: `${DGS_CODE_PORT}` is no port to Dagster"),
    ("06", "host nested", "DW0119", "as above; to write a port is what mends it"),
    ("07", "port host nested", "DW0503", NO_SERVER),
    ("08", "port host nested", "DW0503", NO_SERVER),
    ("09", "port host nested", "DW0503", NO_SERVER),
    ("12", "port host nested", "DW0503", NO_SERVER),
    ("13", "add", "DW0111 DW0111", "Dagster does not know `python_environment` any more"),
    ("13", "port host nested", "DW0502", NO_NAME),
    ("0.15.5/configmap-empty", "port host nested", "DW0502", EMPTY),
    ("1.12-2025-11/configmap-empty", "port host nested", "DW0502", EMPTY),
    ("1.13-2026-06/configmap-empty", "port host nested", "DW0502", EMPTY),
    ("1.3.7/configmap-empty", "port host nested", "DW0502", EMPTY),
    ("0.15.5/configmap-from-servers", "add port host nested remove", "DW0009", UNQUOTED),
    ("1.12-2025-11/configmap-from-servers", "add port host nested remove", "DW0009", UNQUOTED),
    ("1.13-2026-06/configmap-from-servers", "add port host nested remove", "DW0009", UNQUOTED),
    ("1.3.7/configmap-from-servers", "add port host nested remove", "DW0009", UNQUOTED),
    ("0.15.5/example-concepts-repositories_workspaces-python_env", "port host nested", "DW0503", NO_SERVER),
    ("0.15.5/example-concepts-repositories_workspaces-workspace.yaml", "port host nested", "DW0503", NO_SERVER),
    ("0.15.5/example-concepts-repositories_workspaces-workspace_one", "port host nested", "DW0503", NO_SERVER),
    ("0.15.5/example-concepts-repositories_workspaces-workspace_py", "port host nested", "DW0503", NO_SERVER),
    ("0.15.5/example-concepts-repositories_workspaces-workspace_work", "port host nested", "DW0503", NO_SERVER),
    ("0.15.5/example-python_modules", "port host nested", "DW0503", NO_SERVER),
];

type Refused = (&'static str, &'static str, &'static str, &'static str);

/// Stands for the name of the first entry, where there is none.
const NOBODY: &str = "nobody";

const NO_SERVER: &str = "its first location is no gRPC server";
const NO_NAME: &str = "its locations have no name: Dagster does not know their kind";
const EMPTY: &str = "it has no location";
const UNQUOTED: &str = "the chart prints the name `team c: prod` without quotes: that is no YAML";

/// Where the removal of what was added does not give the old text back, and why.
const OTHER_WAY_BACK: [(&str, &str); 1] =
    [("07-DataBiosphere", "the key was missing; the last deployment leaves `deployments: []`")];

/// A real document and where its list stands.
struct File {
    name: String,
    text: String,
    place: &'static [&'static str],
    target: Target,
}

/// A change that was made.
#[derive(Clone)]
struct Made {
    file: usize,
    what: &'static str,
    text: String,
    /// The data that it should have.
    meant: Json,
}

fn files(folder: &Path, ending: &str) -> Vec<(String, String)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The folders of charts with their versions.
fn charts(shared: &Path) -> Vec<(String, Version)> {
    let names = fs::read_dir(shared).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let version = |name: String| name.split('-').next().unwrap().parse().ok().map(|version| (name, version));
    let mut charts: Vec<_> = names.filter_map(version).collect();
    charts.sort();
    charts
}

fn values(shared: &Path) -> Vec<File> {
    let mut all = Vec::new();
    for (name, text) in files(&shared.join("corpus/values"), ".yaml") {
        let (_, place, chart) = CORPUS.into_iter().find(|(number, ..)| name.starts_with(number)).unwrap();
        all.push(File { name, text, place, target: Target { chart, ..Target::NEWEST } });
    }
    for (folder, chart) in charts(shared) {
        for (name, text) in files(&shared.join(&folder), ".values.yaml") {
            let place = if name.starts_with("dagster-user") { ALONE } else { NESTED };
            let name = format!("{folder}/{name}");
            all.push(File { name, text, place, target: Target { chart, ..Target::NEWEST } });
        }
    }
    all
}

fn workspaces(shared: &Path) -> Vec<File> {
    let mut all = files(&shared.join("corpus/workspace"), ".yaml");
    for (folder, _) in charts(shared).into_iter().filter(|(folder, _)| shared.join(folder).join("workspace").is_dir()) {
        for (name, text) in files(&shared.join(&folder).join("workspace"), ".yaml") {
            let text = match serde_yaml::from_str::<serde_yaml::Value>(&text).unwrap() {
                rendered if rendered.get("data").is_some() => {
                    rendered["data"]["workspace.yaml"].as_str().unwrap().to_owned()
                }
                _ => text,
            };
            all.push((format!("{folder}/{name}"), text));
        }
    }
    let file = |(name, text)| File { name, text, place: &["load_from"], target: Target::NEWEST };
    all.into_iter().map(file).collect()
}

/// Makes every change of every file. Broken laws, and the refusals that `refused` does not know, are the error.
fn make(
    files: &[File],
    data: &[Result<Json, String>],
    asked: fn(&str) -> Vec<Asked>,
    names: &[String],
    refused: &[Refused],
) -> Vec<Made> {
    let (mut made, mut wrong) = (Vec::new(), Vec::new());
    let all = refused.iter().flat_map(|(file, changes, codes, _)| changes.split(' ').map(|what| (*file, what, *codes)));
    let mut open: Vec<_> = all.collect();
    for (at, file) in files.iter().enumerate() {
        let before = data[at].as_ref().unwrap_or(&Json::Null);
        for asked in asked(&names[at]) {
            let known = open.iter().position(|(name, what, _)| file.name.starts_with(name) && *what == asked.what);
            let known = known.map(|at| open.remove(at).2);
            match change(file, &asked) {
                Ok(_) if known.is_some() => wrong.push(format!("{}: {} is done", file.name, asked.what)),
                Ok(text) => {
                    // To remove what has no name is no change.
                    let is_absent = asked.what == "remove" && names[at] == NOBODY;
                    let meant = if is_absent { before.clone() } else { asked.naive.apply(before, file.place) };
                    made.push(Made { file: at, what: asked.what, text, meant });
                }
                Err(why) if known.is_some_and(|known| why.split('\n').next() == Some(known)) => {}
                Err(why) => wrong.push(format!("{}: {}: {why}", file.name, asked.what)),
            }
        }
    }
    wrong.extend(open.iter().map(|case| format!("{case:?} does not happen")));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    made
}

/// The text after the change, its lines and its ways back checked; else the codes of the refusal, or the broken law.
fn change(file: &File, asked: &Asked) -> Result<String, String> {
    let run = |text: &str, transform: &Transform| {
        apply(text, std::slice::from_ref(transform), &file.target).map_err(|error| {
            let found = error.diagnostics();
            let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
            let words: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
            format!("{}\n    {}", codes.join(" "), words.join("\n    "))
        })
    };
    let applied = run(&file.text, &asked.transform)?;
    let again = run(&applied.text, &asked.transform)?;
    if again.is_changed() || again.text != applied.text {
        return Err(format!("not idempotent:\n{}", again.text));
    }
    let back = match &asked.transform {
        Transform::AddDeployment { deployment } => Some(Transform::RemoveDeployment { name: deployment.name().into() }),
        Transform::AddLocation { server } => Some(Transform::RemoveLocation { name: server.name() }),
        _ => None,
    };
    if let Some(back) = back {
        let back = run(&applied.text, &back)?;
        let other = OTHER_WAY_BACK.iter().any(|(name, _)| file.name.starts_with(name));
        let fits = match other {
            true => back.text != file.text && (back.text.starts_with(&file.text) || file.text.starts_with(&back.text)),
            false => back.text == file.text,
        };
        if !fits {
            return Err(format!("the way back leads to:\n{}", back.text));
        }
    }
    check_lines(&file.text, &applied.text, asked)?;
    Ok(applied.text)
}

/// Whether the lines that went and came are those of the change, in one piece.
fn check_lines(before: &str, after: &str, asked: &Asked) -> Result<(), String> {
    let (gone, come) = changed(before, after);
    let first = gone.iter().map(|line| line.trim()).find(|line| !line.is_empty()).unwrap_or_default();
    let fits = match asked.what {
        // A list of nothing becomes one of something, a last line without a line break gets one.
        "add" => {
            gone.iter().all(|line| line.trim_end().ends_with("[]") || come.first() == Some(&&*format!("{line}\n")))
        }
        // What is left of the last item are comments.
        "remove" => {
            let is_old = |line: &str| gone.iter().any(|old| old.trim_end() == line);
            come.iter().map(|line| line.trim_end()).all(|line| is_old(line) || line.ends_with("[]"))
        }
        "port" | "host" => gone.len() == 1 && come.len() == 1 && first.starts_with(asked.what),
        "image" => gone.len() == 1 && come.len() == 1 && first.starts_with("pullPolicy"),
        _ => gone.len() <= 4,
    };
    if fits { Ok(()) } else { Err(format!("other lines change:\n- {}\n+ {}", gone.join("- "), come.join("+ "))) }
}

/// The lines, with their ends, between the first and the last that differ.
fn changed<'t>(before: &'t str, after: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
    let (old, new): (Vec<_>, Vec<_>) = (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    (old[head..old.len() - tail].to_vec(), new[head..new.len() - tail].to_vec())
}

/// Whether the reader has every made text for the data that is meant.
fn check_read(reader: &str, made: &[Made], files: &[File], read: impl Iterator<Item = Result<Json, String>>) {
    let mut compared = 0;
    for (made, read) in made.iter().zip(read) {
        let file = &files[made.file].name;
        assert_eq!(read.as_ref(), Ok(&made.meant), "{reader} of {file} after {}:\n{}", made.what, made.text);
        compared += 1;
    }
    assert_eq!(compared, made.len());
}

fn own(text: &str, schema: Schema) -> Result<Json, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let value = document.to_value(schema).map_err(|error| error.to_string())?;
    Ok(floats(&serde_json::to_value(value).unwrap()))
}

#[test]
fn values_of_real_users_and_charts_take_every_change() {
    let (Some(shared), Some(mut python)) = (testing::shared(), Python::start()) else { return };
    let files = values(&shared.join("dagster"));
    assert!(files.len() >= 24, "{} files", files.len());
    let texts: Vec<String> = files.iter().map(|file| file.text.clone()).collect();
    let before: Vec<_> = python.read("pyyaml", &texts).iter().map(data).collect();
    let names: Vec<String> = files
        .iter()
        .zip(&before)
        .map(|(file, data)| {
            let list = file.place.iter().fold(data.as_ref().unwrap(), |data, key| &data[*key]);
            list[0]["name"].as_str().unwrap_or(NOBODY).to_owned()
        })
        .collect();
    let made = make(&files, &before, real::of_values, &names, &REFUSED_VALUES);
    assert!(made.len() >= 150, "{} changes", made.len());
    let texts: Vec<String> = made.iter().map(|made| made.text.clone()).collect();
    check_read("PyYAML", &made, &files, python.read("pyyaml", &texts).iter().map(data));
    check_read("the own reader", &made, &files, texts.iter().map(|text| own(text, Schema::Helm)));
    let (Some(helm3), Some(helm4)) = (testing::helm(3), testing::helm(4)) else { return };
    for (name, helm) in [("helm 3", helm3), ("helm 4", helm4)] {
        check_read(name, &made, &files, read_all(&helm, name, &texts).into_iter());
        // What is given as values goes another way through helm than what its templates read.
        let (added, texts): (Vec<_>, Vec<_>) = made
            .iter()
            .zip(&texts)
            .filter(|(made, _)| made.what == "set-image")
            .map(|(made, text)| (made.clone(), text))
            .unzip();
        let read = texts.iter().map(|text| data(&readers::helm(&helm, &format!("{name} one"), text)?));
        check_read(name, &added, &files, read);
    }
}

/// What helm's `fromYaml` makes of each text, all in one run.
fn read_all(helm: &Path, name: &str, texts: &[String]) -> Vec<Result<Json, String>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join("given");
    fs::create_dir_all(&folder).unwrap();
    for (at, text) in texts.iter().enumerate() {
        fs::write(folder.join(at.to_string()), text).unwrap();
    }
    let template = "{{- range $at := until (int .Values.count) }}\n\
        answer: {{ $.Files.Get (printf \"given/%d\" $at) | fromYaml | toJson | b64enc }}\n{{- end }}\n";
    let rendered = readers::render(helm, name, template, &format!("count: {}\n", texts.len())).unwrap();
    let answers = rendered.lines().filter_map(|line| line.strip_prefix("answer: "));
    answers.map(|answer| Ok(floats(&readers::json(answer)))).collect()
}

#[test]
fn workspaces_of_real_users_and_charts_take_every_change() {
    let (Some(shared), Some(mut python)) = (testing::shared(), Python::start()) else { return };
    let Some(mut dagster) = Oracle::python("../testing/oracles/dagster_workspace.py") else { return };
    let files = workspaces(&shared.join("dagster"));
    assert!(files.len() >= 30, "{} files", files.len());
    let texts: Vec<String> = files.iter().map(|file| file.text.clone()).collect();
    let before: Vec<_> = python.read("dagster", &texts).iter().map(data).collect();
    let mut judge = |text: &str| dagster.ask(&json!({ "text": text }));
    let names: Vec<String> = texts
        .iter()
        .zip(&before)
        .map(|(text, data)| {
            let written =
                data.as_ref().map_or(&Json::Null, |data| &data["load_from"][0]["grpc_server"]["location_name"]);
            judge(text)["names"][0].as_str().or_else(|| written.as_str()).unwrap_or(NOBODY).to_owned()
        })
        .collect();
    let made = make(&files, &before, real::of_workspace, &names, &REFUSED_WORKSPACES);
    assert!(made.len() >= 100, "{} changes", made.len());
    let texts: Vec<String> = made.iter().map(|made| made.text.clone()).collect();
    check_read("Dagster's reader", &made, &files, python.read("dagster", &texts).iter().map(data));
    check_read("PyYAML", &made, &files, python.read("pyyaml", &texts).iter().map(data));
    check_read("the own reader", &made, &files, texts.iter().map(|text| own(text, Schema::Dagster)));
    // A file that Dagster refuses is left as it is, or mended.
    for made in made.iter().filter(|made| made.text != files[made.file].text) {
        let verdict = judge(&made.text);
        assert_eq!(verdict["accepted"], true, "{} after {}: {verdict}", files[made.file].name, made.what);
    }
}
