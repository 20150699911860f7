//! One Deployment of a Dagster system: what it runs, which file it reads, and what a restart has to respect. Read [`Workload`].

use std::collections::BTreeMap;

use serde::Serialize;

use super::object::{ConfigMapSource, Container, Deployment, PodSpec, VolumeMount};

/// What a Deployment is in a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The webserver, called dagit before Dagster 1.4. It can be asked to reload.
    Webserver,
    /// A webserver that refuses every mutation, the reload included.
    ReadOnlyWebserver,
    /// The daemon, which reads the workspace again by itself, once a minute.
    Daemon,
}

/// How a file gets from a ConfigMap into a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Projection {
    /// As a directory, which kubelet keeps up to date.
    Directory,
    /// As one file by `subPath`, which stays as it was when the pod started.
    SubPath,
}

/// Where the workspace file of a pod comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The ConfigMap.
    pub config_map: String,
    /// The key in it.
    pub key: String,
    /// How it gets into the pod.
    pub projection: Projection,
    /// The file in the pod.
    pub path: String,
    /// Whether the pod starts without the ConfigMap.
    pub optional: bool,
}

/// Which changes make Stakater's Reloader restart a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reloader {
    /// None, as far as its annotations say.
    #[default]
    Off,
    /// Those of every ConfigMap that it mounts.
    Auto,
    /// Those of ConfigMaps that it mounts and that carry the annotation `reloader.stakater.com/match`.
    Search,
    /// Those of these ConfigMaps.
    Named(Vec<String>),
}

/// A Deployment of a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// What it is.
    pub role: Role,
    /// The Deployment's name.
    pub name: String,
    /// The Deployment's uid.
    pub uid: String,
    /// The helm release that it is of: helm's own annotation, else the label `app.kubernetes.io/instance`.
    pub release: Option<String>,
    /// Whether helm made it, and not another program from helm's templates.
    pub by_helm: bool,
    /// The label `app.kubernetes.io/version`: Dagster's version.
    pub version: Option<String>,
    /// The label `helm.sh/chart`: `dagster-1.13.27`.
    pub chart: Option<String>,
    /// Pods that it is to have.
    pub replicas: u32,
    /// The labels by which its pods are found.
    pub selector: BTreeMap<String, String>,
    /// The image that runs Dagster.
    pub image: Option<String>,
    /// The port that it serves at; `None` for a daemon.
    pub port: Option<u16>,
    /// What stands before every path that it serves: empty, or `/dagster`.
    pub path_prefix: String,
    /// The workspace files that it is told to read; none: it starts without a workspace, and Dagster refuses that.
    pub workspace_files: Vec<String>,
    /// Where the workspace file comes from, where that is a ConfigMap.
    pub mount: Option<Mount>,
    /// Whether its rollout is paused: changes of its template wait.
    pub paused: bool,
    /// What else restarts it.
    pub reloader: Reloader,
    /// Annotations of its pods; checksums of what they mount among them.
    pub template_annotations: BTreeMap<String, String>,
    /// Services that its init containers wait for before it starts.
    pub waits_for: Vec<String>,
}

/// The volume by which the chart mounts the workspace file.
const VOLUME: &str = "dagster-workspace-yaml";

impl Workload {
    /// What a Deployment is by its labels and its command; `None` where it is no part of a system.
    pub(super) fn of(deployment: Deployment) -> Option<Self> {
        let Deployment { metadata, spec, status: _ } = deployment;
        let pod = &spec.template.spec;
        let container = dagster(pod);
        let command = container.map(Command::of).unwrap_or_default();
        let component = metadata.labels.get("component").map(String::as_str);
        let role = role(component, &command)?;
        let (mount, reloader) = (container.and_then(|container| mount(container, pod, &command)), Reloader::of);
        let helm = metadata.annotations.get("meta.helm.sh/release-name");
        let label = |name: &str| metadata.labels.get(name).cloned();
        let reloader = match reloader(&metadata.annotations) {
            Reloader::Off => Reloader::of(&spec.template.metadata.annotations),
            found => found,
        };
        Some(Self {
            role,
            release: helm.cloned().or_else(|| label("app.kubernetes.io/instance")),
            by_helm: helm.is_some(),
            version: label("app.kubernetes.io/version"),
            chart: label("helm.sh/chart"),
            name: metadata.name,
            uid: metadata.uid,
            replicas: spec.replicas.unwrap_or(1),
            selector: spec.selector.match_labels,
            image: container.and_then(|container| container.image.clone()),
            port: if role == Role::Daemon { None } else { port(container, &command) },
            path_prefix: command.path_prefix,
            workspace_files: command.files,
            mount,
            paused: spec.paused,
            reloader,
            waits_for: pod.init_containers.iter().filter_map(waits_for).collect(),
            template_annotations: spec.template.metadata.annotations,
        })
    }

    /// Whether a change of the ConfigMap `name` makes Reloader restart it; `marked`: what that ConfigMap's annotations say.
    #[must_use]
    pub fn reloads_with(&self, name: &str, annotations: &BTreeMap<String, String>) -> bool {
        let says = |key: &str| annotations.get(key).is_some_and(|value| value == "true");
        let mounts = self.mount.as_ref().is_some_and(|mount| mount.config_map == name);
        !says("reloader.stakater.com/ignore")
            && match &self.reloader {
                Reloader::Off => false,
                Reloader::Auto => mounts,
                Reloader::Search => mounts && says("reloader.stakater.com/match"),
                Reloader::Named(names) => names.iter().any(|other| other == name),
            }
    }
}

impl Reloader {
    /// By the annotations of a Deployment, or of its pods.
    fn of(annotations: &BTreeMap<String, String>) -> Self {
        let says = |key: &str| annotations.get(key).is_some_and(|value| value == "true");
        if says("reloader.stakater.com/auto") || says("configmap.reloader.stakater.com/auto") {
            return Self::Auto;
        }
        if let Some(names) = annotations.get("configmap.reloader.stakater.com/reload") {
            let names = names.split(',').map(|name| name.trim().to_owned());
            return Self::Named(names.filter(|name| !name.is_empty()).collect());
        }
        if says("reloader.stakater.com/search") { Self::Search } else { Self::Off }
    }
}

/// The container that runs Dagster: by its command, else the first, which is where the chart puts it.
fn dagster(pod: &PodSpec) -> Option<&Container> {
    let known = |container: &&Container| Command::of(container).program.is_some();
    pod.containers.iter().find(known).or_else(|| pod.containers.first())
}

fn role(component: Option<&str>, command: &Command) -> Option<Role> {
    let role = match component {
        Some("dagster-webserver" | "dagit") => Role::Webserver,
        Some("dagster-webserver-read-only" | "dagit-read-only") => Role::ReadOnlyWebserver,
        Some("dagster-daemon") => Role::Daemon,
        _ => command.program?,
    };
    Some(if role == Role::Webserver && command.read_only { Role::ReadOnlyWebserver } else { role })
}

/// What a command line tells Dagster.
#[derive(Debug, Default)]
struct Command {
    program: Option<Role>,
    files: Vec<String>,
    port: Option<u16>,
    path_prefix: String,
    read_only: bool,
}

impl Command {
    fn of(container: &Container) -> Self {
        let variable = |name: &str| {
            let named = container.env.iter().find(|variable| variable.name == name);
            named.and_then(|variable| variable.value.clone())
        };
        let mut command = Self {
            port: variable("DAGSTER_WEBSERVER_PORT").and_then(|port| port.parse().ok()),
            path_prefix: variable("DAGSTER_WEBSERVER_PATH_PREFIX").unwrap_or_default(),
            ..Self::default()
        };
        // The chart gives one line to a shell; others give a list.
        let texts = container.command.iter().chain(&container.args);
        let words = texts.flat_map(|text| text.split_whitespace()).map(|word| word.trim_matches(['"', '\'']));
        let words: Vec<&str> = words.collect();
        let start = words.iter().position(|word| program(word).is_some());
        let (Some(start), Some(role)) = (start, words.iter().find_map(|word| program(word))) else { return command };
        command.program = Some(role);
        let mut rest = words.iter().skip(start + 1).copied();
        while let Some(word) = rest.next() {
            let (option, mut value) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            let mut value = || value.take().or_else(|| rest.next()).unwrap_or_default();
            match option {
                "-w" | "--workspace" => command.files.push(value().to_owned()),
                "-p" | "--port" => command.port = value().parse().ok().or(command.port),
                "-l" | "--path-prefix" => value().clone_into(&mut command.path_prefix),
                "--read-only" => command.read_only = true,
                _ => {}
            }
        }
        command
    }
}

/// The role of a program, by its name without folders.
fn program(word: &str) -> Option<Role> {
    match word.rsplit('/').next()? {
        "dagster-webserver" | "dagit" => Some(Role::Webserver),
        "dagster-daemon" => Some(Role::Daemon),
        _ => None,
    }
}

/// The port in the command, which is the one that is served; else as declared; else Dagster's own.
fn port(container: Option<&Container>, command: &Command) -> Option<u16> {
    let ports = container.map(|container| container.ports.as_slice()).unwrap_or_default();
    let named = ports.iter().find(|port| port.name.as_deref() == Some("http")).or_else(|| ports.first());
    command.port.or_else(|| named.map(|port| port.container_port)).or(Some(3000))
}

/// Where the first workspace file that comes from a ConfigMap comes from. Without a file in the command: the chart's volume.
fn mount(container: &Container, pod: &PodSpec, command: &Command) -> Option<Mount> {
    let by_file = command.files.iter().find_map(|file| {
        let mounts = container.volume_mounts.iter().filter(|mount| inside(file, mount).is_some());
        // The deepest mount is the one that shows.
        let mount = mounts.max_by_key(|mount| mount.mount_path.trim_end_matches('/').len())?;
        source(pod, mount, file)
    });
    by_file.or_else(|| {
        let mount = container.volume_mounts.iter().find(|mount| mount.name == VOLUME)?;
        let path = match &mount.sub_path {
            Some(_) => mount.mount_path.clone(),
            None => format!("{}/workspace.yaml", mount.mount_path.trim_end_matches('/')),
        };
        source(pod, mount, &path)
    })
}

/// The part of `file` behind the mount's path; empty where the mount is the file itself.
fn inside<'f>(file: &'f str, mount: &VolumeMount) -> Option<&'f str> {
    let rest = file.strip_prefix(mount.mount_path.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn source(pod: &PodSpec, mount: &VolumeMount, file: &str) -> Option<Mount> {
    let volume = pod.volumes.iter().find(|volume| volume.name == mount.name)?;
    let rest = inside(file, mount)?;
    let (path, projection) = match mount.sub_path.as_deref().map(|path| path.trim_matches('/')) {
        None | Some("") => (rest.to_owned(), Projection::Directory),
        Some(path) if rest.is_empty() => (path.to_owned(), Projection::SubPath),
        Some(path) => (format!("{path}/{rest}"), Projection::SubPath),
    };
    let key_of = |source: &ConfigMapSource| match source.items.as_slice() {
        [] => Some(path.clone()).filter(|key| !key.contains('/')),
        items => items.iter().find(|item| item.path == path).map(|item| item.key.clone()),
    };
    // Of several, the last one that has the path shows; whether it has an unnamed key, only the object could tell.
    let (config_map, key) = volume.config_maps().filter_map(|source| Some((source, key_of(source)?))).last()?;
    Some(Mount {
        config_map: config_map.name.clone(),
        key,
        projection,
        path: file.to_owned(),
        optional: config_map.optional.unwrap_or_default(),
    })
}

/// The Service that an init container waits for, as the chart writes it.
fn waits_for(container: &Container) -> Option<String> {
    let name = container.name.strip_prefix("init-user-deployment-").map(str::to_owned);
    name.or_else(|| {
        let mut words = container.command.iter().chain(&container.args).flat_map(|text| text.split_whitespace());
        words.find(|word| *word == "nslookup")?;
        words.next().map(|word| word.trim_end_matches(';').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A Deployment with one container of this command, and the chart's mount and volume.
    fn deployment(component: Option<&str>, command: &Value) -> Value {
        json!({
            "metadata": {"name": "d", "uid": "u", "labels": component.map(|component| json!({"component": component}))},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {
                "containers": [{
                    "name": "dagster", "command": command,
                    "ports": [{"name": "metrics", "containerPort": 9090}, {"name": "http", "containerPort": 8080}],
                    "volumeMounts": [
                        {"name": "dagster-instance", "mountPath": "/opt/dagster.yaml", "subPath": "dagster.yaml"},
                        {"name": "dagster-workspace-yaml", "mountPath": "/dagster-workspace/"},
                    ],
                }],
                "volumes": [
                    {"name": "dagster-instance", "configMap": {"name": "instance"}},
                    {"name": "dagster-workspace-yaml", "configMap": {"name": "ws"}},
                ],
            }}},
        })
    }

    fn workload(deployment: Value) -> Option<Workload> {
        Workload::of(serde_json::from_value(deployment).unwrap())
    }

    fn shell(line: &str) -> Value {
        json!(["/bin/bash", "-c", line])
    }

    #[test]
    fn role_is_the_component_else_the_program() {
        use Role::{Daemon, ReadOnlyWebserver, Webserver};
        let webserver = shell("dagster-webserver -h 0.0.0.0 -p 80 -w /dagster-workspace/workspace.yaml");
        let cases = [
            (Some("dagster-webserver"), webserver.clone(), Some(Webserver)),
            (Some("dagster-webserver-read-only"), webserver.clone(), Some(ReadOnlyWebserver)),
            (Some("dagit"), shell("dagit -h 0.0.0.0 -p 80"), Some(Webserver)),
            (Some("dagit-read-only"), shell("dagit -p 80 --read-only"), Some(ReadOnlyWebserver)),
            (Some("dagster-daemon"), shell("dagster-daemon run"), Some(Daemon)),
            (Some("user-deployments"), json!(["dagster", "api", "grpc"]), None),
            (None, webserver, Some(Webserver)),
            (None, json!(["/opt/venv/bin/dagster-webserver", "--read-only"]), Some(ReadOnlyWebserver)),
            (None, json!(["dagster-daemon", "run"]), Some(Daemon)),
            (None, json!(["nginx"]), None),
            (None, json!([]), None),
        ];
        for (component, command, role) in cases {
            let found = workload(deployment(component, &command));
            assert_eq!(found.map(|found| found.role), role, "{component:?} {command}");
        }
    }

    #[test]
    fn command_says_port_prefix_and_files() {
        let file = "/dagster-workspace/workspace.yaml";
        let cases = [
            (
                shell(&format!("dagster-webserver -h 0.0.0.0 -p 80 -w {file} --path-prefix /dagster")),
                80,
                "/dagster",
                &[file][..],
            ),
            (shell(&format!("dagit -p 3070 --workspace={file} -l /a --log-level info")), 3070, "/a", &[file]),
            (json!(["dagster-webserver", "--port", "81", "-w", file, "-w", "/b.yaml"]), 81, "", &[file, "/b.yaml"]),
            (json!(["dagster-webserver", "--path-prefix", "'/x'"]), 8080, "/x", &[]),
            (shell("exec dagster-webserver -p $PORT"), 8080, "", &[]),
        ];
        for (command, port, prefix, files) in cases {
            let found = workload(deployment(None, &command)).unwrap();
            let shown = (found.port, found.path_prefix.as_str(), found.workspace_files.clone());
            assert_eq!(shown, (Some(port), prefix, files.iter().map(ToString::to_string).collect()), "{command}");
        }
        let mut plain = deployment(None, &json!(["dagster-webserver"]));
        plain["spec"]["template"]["spec"]["containers"][0]["ports"].take();
        assert_eq!(workload(plain.clone()).unwrap().port, Some(3000));
        plain["spec"]["template"]["spec"]["containers"][0]["env"] = json!([
            {"name": "DAGSTER_WEBSERVER_PORT", "value": "4000"}, {"name": "DAGSTER_WEBSERVER_PATH_PREFIX", "value": "/e"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ]);
        let found = workload(plain).unwrap();
        assert_eq!((found.port, found.path_prefix.as_str()), (Some(4000), "/e"));
        assert_eq!(workload(deployment(None, &shell("dagster-daemon run"))).unwrap().port, None);
    }

    #[test]
    fn mount_is_followed_from_the_file_to_the_key() {
        use Projection::{Directory, SubPath};
        let file = "/dagster-workspace/workspace.yaml";
        let plain = json!({"configMap": {"name": "ws"}});
        let items = json!({"configMap": {"name": "ws", "items": [{"key": "k", "path": "workspace.yaml"}]}});
        let others = json!({"configMap": {"name": "ws", "items": [{"key": "k", "path": "other.yaml"}]}});
        let projected = json!({"projected": {"sources": [
            {"secret": {"name": "s"}},
            {"configMap": {"name": "ws", "optional": true, "items": [{"key": "k", "path": "workspace.yaml"}]}},
        ]}});
        let directory = json!({"mountPath": "/dagster-workspace/"});
        let cases = [
            (&directory, &plain, Some(("workspace.yaml", Directory, false))),
            (&directory, &items, Some(("k", Directory, false))),
            (&directory, &projected, Some(("k", Directory, true))),
            (&directory, &others, None),
            (&directory, &json!({"secret": {"secretName": "s"}}), None),
            (&json!({"mountPath": "/elsewhere"}), &plain, None),
            (
                &json!({"mountPath": file, "subPath": "workspace.yaml"}),
                &plain,
                Some(("workspace.yaml", SubPath, false)),
            ),
            (&json!({"mountPath": file, "subPath": "ws"}), &plain, Some(("ws", SubPath, false))),
            (&json!({"mountPath": file, "subPath": "workspace.yaml"}), &items, Some(("k", SubPath, false))),
        ];
        for (mount, volume, expected) in cases {
            let mut deployment = deployment(None, &shell(&format!("dagster-webserver -w {file}")));
            let pod = &mut deployment["spec"]["template"]["spec"];
            pod["containers"][0]["volumeMounts"][1] = mount.clone();
            // Any name will do: the file leads to it.
            pod["containers"][0]["volumeMounts"][1]["name"] = "v".into();
            pod["volumes"][1] = volume.clone();
            pod["volumes"][1]["name"] = "v".into();
            let found = workload(deployment).unwrap().mount;
            let shown = found.as_ref().map(|mount| (mount.key.as_str(), mount.projection, mount.optional));
            assert_eq!(shown, expected, "{mount} {volume}");
            assert!(found.is_none_or(|mount| mount.config_map == "ws" && mount.path == file));
        }
        // Without `-w` nothing is read, but the chart's volume says where it would come from.
        let found = workload(deployment(None, &shell("dagster-webserver"))).unwrap();
        assert!(found.workspace_files.is_empty());
        assert_eq!(found.mount.map(|mount| mount.path), Some(file.to_owned()));
    }

    #[test]
    fn container_that_runs_dagster_is_found_among_others() {
        let mut deployment = deployment(Some("dagster-webserver"), &shell("dagster-webserver -p 80"));
        let containers = deployment["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
        containers.insert(0, json!({"name": "proxy", "image": "proxy", "ports": [{"containerPort": 1}]}));
        containers[1]["image"] = "dagster".into();
        let found = workload(deployment).unwrap();
        assert_eq!((found.port, found.image.as_deref()), (Some(80), Some("dagster")));
    }

    #[test]
    fn reloader_is_known_by_its_annotations() {
        let none = BTreeMap::new();
        let matched = BTreeMap::from([("reloader.stakater.com/match".to_owned(), "true".to_owned())]);
        let ignored = BTreeMap::from([("reloader.stakater.com/ignore".to_owned(), "true".to_owned())]);
        let cases = [
            (json!({}), &none, false),
            (json!({"reloader.stakater.com/auto": "true"}), &none, true),
            (json!({"reloader.stakater.com/auto": "true"}), &ignored, false),
            (json!({"reloader.stakater.com/auto": "false"}), &none, false),
            (json!({"configmap.reloader.stakater.com/auto": "true"}), &none, true),
            (json!({"secret.reloader.stakater.com/auto": "true"}), &none, false),
            (json!({"configmap.reloader.stakater.com/reload": "other, ws"}), &none, true),
            (json!({"configmap.reloader.stakater.com/reload": "other"}), &none, false),
            (json!({"reloader.stakater.com/search": "true"}), &none, false),
            (json!({"reloader.stakater.com/search": "true"}), &matched, true),
        ];
        for (annotations, of_config_map, restarted) in cases {
            for place in ["/metadata", "/spec/template/metadata"] {
                let mut deployment = deployment(None, &shell("dagster-webserver"));
                deployment["spec"]["template"]["metadata"] = json!({});
                deployment.pointer_mut(place).unwrap()["annotations"] = annotations.clone();
                let found = workload(deployment).unwrap();
                assert_eq!(found.reloads_with("ws", of_config_map), restarted, "{place} {annotations}");
            }
        }
    }

    #[test]
    fn init_containers_say_which_services_are_waited_for() {
        let mut deployment = deployment(None, &shell("dagster-webserver"));
        deployment["spec"]["template"]["spec"]["initContainers"] = json!([
            {"name": "check-db-ready", "command": ["sh", "-c", "until pg_isready -h db; do sleep 2; done;"]},
            {"name": "init-user-deployment-etl", "command": ["sh", "-c", "until nslookup etl; do sleep 2; done"]},
            {"name": "wait", "command": ["sh", "-c", "until nslookup mine; do sleep 2; done"]},
        ]);
        assert_eq!(workload(deployment).unwrap().waits_for, ["etl", "mine"]);
    }
}
