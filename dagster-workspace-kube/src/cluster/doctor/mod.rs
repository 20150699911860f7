//! What is wrong with a system, as far as its objects show it. [`doctor`] runs every rule over [`Facts`]. A rule is a function of one
//! thing that was read: of a part of the system or of all parts ([`system`]), of a ConfigMap ([`config_map`]) or of a release
//! ([`release`]). Of what is not known nothing is found.

mod config_map;
mod release;
mod system;

use dagster_workspace_core::error::Severity;
use serde::Serialize;

use super::config_map::{ConfigMap, Holder};
use super::discover::System;
use super::release::Release;

/// What is known of a system; what was not looked at is `None`.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its Deployments.
    pub system: Option<&'a System>,
    /// Where the workspace file is, and the ConfigMap that is there: the inner `None` where there is none.
    pub workspace: Option<(&'a Holder, Option<&'a ConfigMap>)>,
    /// The same of the values.
    pub values: Option<(&'a Holder, Option<&'a ConfigMap>)>,
    /// The release of the system.
    pub system_release: Option<&'a Release>,
    /// The release of the code servers.
    pub code_release: Option<&'a Release>,
}

/// One thing that is wrong, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code: `DW06` and two digits.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Lower case, no full stop, values in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    fn error(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), hint: Some(hint.into()) }
    }

    fn warning(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, hint) }
    }
}

/// All findings, errors first, then by code.
#[must_use]
pub fn doctor(facts: &Facts<'_>) -> Vec<Finding> {
    let Facts { system, workspace, values, system_release, code_release } = facts;
    let mut found = Vec::new();
    found.extend(system.iter().flat_map(|system| system::check(system)));
    if let (Some(system), Some((holder, config_map))) = (system, workspace) {
        found.extend(system::check_reloader(system, holder, *config_map));
    }
    let documents = workspace.iter().chain(values);
    found.extend(documents.flat_map(|(holder, config_map)| config_map::check(holder, *config_map)));
    found.extend(system_release.iter().flat_map(|release| release::check_settings(release)));
    let releases = system_release.iter().chain(code_release);
    found.extend(releases.filter_map(|release| release::nearly_full(release)));
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(b.code)));
    found
}

/// A part of [`ConfigMap::LIMIT`], in per cent, from which on people should know.
const NEARLY: u64 = 80;

/// How full something is of so many bytes, where people should know.
fn nearly(len: u64) -> Option<u64> {
    let percent = len.saturating_mul(100) / ConfigMap::LIMIT;
    Some(percent).filter(|percent| *percent >= NEARLY)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::cluster::config_map::Found;
    use crate::cluster::workload::{Mount, Projection, Reloader, Role, Workload};

    /// A part of a system as today's chart makes it.
    pub(in super::super) fn workload(role: Role, name: &str) -> Workload {
        Workload {
            role,
            name: name.to_owned(),
            uid: "u".to_owned(),
            release: Some("dagster".to_owned()),
            by_helm: true,
            version: Some("1.13.27".to_owned()),
            chart: Some("dagster-1.13.27".to_owned()),
            replicas: 1,
            selector: BTreeMap::new(),
            image: None,
            port: Some(80),
            path_prefix: String::new(),
            workspace_files: vec!["/dagster-workspace/workspace.yaml".to_owned()],
            mount: Some(Mount {
                config_map: "w".to_owned(),
                key: "workspace.yaml".to_owned(),
                projection: Projection::Directory,
                path: "/dagster-workspace/workspace.yaml".to_owned(),
                optional: false,
            }),
            paused: false,
            reloader: Reloader::Off,
            template_annotations: BTreeMap::new(),
            waits_for: Vec::new(),
        }
    }

    pub(in super::super) fn system() -> System {
        System {
            namespace: "data".to_owned(),
            release: Some("dagster".to_owned()),
            version: Some("1.13.27".to_owned()),
            chart: Some("dagster-1.13.27".to_owned()),
            workloads: vec![workload(Role::Webserver, "web"), workload(Role::Daemon, "daemon")],
        }
    }

    fn holder(config_map: &str, key: &str) -> Holder {
        Holder { config_map: config_map.to_owned(), key: key.to_owned(), or_key: None, found: Found::Usual }
    }

    fn object(name: &str, fields: &serde_json::Value) -> ConfigMap {
        let mut object = json!({"metadata": {"name": name}, "data": {"values.yaml": "", "workspace.yaml": ""}});
        for (key, value) in fields.as_object().unwrap() {
            object[key] = value.clone();
        }
        object["metadata"]["name"] = name.into();
        ConfigMap::parse(&object.to_string()).unwrap()
    }

    fn release(config: &serde_json::Value) -> Release {
        let defaults = json!({
            "dagsterWebserver": {"workspace": {"enabled": false, "servers": [{"host": "example"}], "externalConfigmap": null}},
            "dagster-user-deployments": {"enabled": true, "enableSubchart": true},
        });
        Release::of_values("dagster", config, &defaults)
    }

    /// The codes found for a system that is as it should be, but for what `spoil` does.
    fn codes(spoil: impl FnOnce(&mut System)) -> Vec<&'static str> {
        let mut system = system();
        spoil(&mut system);
        codes_with(&system, &json!({}))
    }

    fn codes_with(system: &System, fields: &serde_json::Value) -> Vec<&'static str> {
        let (workspace, values) = (holder("w", "workspace.yaml"), holder("v", "values.yaml"));
        let (w, v) = (object("w", fields), object("v", &json!({})));
        let facts = Facts {
            system: Some(system),
            workspace: Some((&workspace, Some(&w))),
            values: Some((&values, Some(&v))),
            system_release: None,
            code_release: None,
        };
        shown(&facts)
    }

    fn shown(facts: &Facts<'_>) -> Vec<&'static str> {
        let found = doctor(facts);
        for finding in &found {
            assert!(!finding.message.ends_with('.') && finding.hint.is_some(), "{finding:?}");
        }
        found.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn nothing_is_wrong_with_a_system_as_it_should_be_or_unknown() {
        assert_eq!(codes(|_| {}), [""; 0]);
        let nothing = Facts { system: None, workspace: None, values: None, system_release: None, code_release: None };
        assert_eq!(doctor(&nothing), []);
    }

    #[test]
    fn workloads_show_what_is_wrong() {
        let mount = |system: &mut System, change: fn(&mut Mount)| {
            change(system.workloads[1].mount.as_mut().unwrap());
        };
        assert_eq!(codes(|system| system.workloads[0].workspace_files.clear()), ["DW0601"]);
        assert_eq!(codes(|system| mount(system, |mount| mount.projection = Projection::SubPath)), ["DW0602"]);
        assert_eq!(codes(|system| system.workloads[0].mount = None), ["DW0603"]);
        assert_eq!(codes(|system| mount(system, |mount| mount.config_map = "x".into())), ["DW0604"]);
        assert_eq!(codes(|system| mount(system, |mount| mount.key = "x".into())), ["DW0604"]);
        assert_eq!(codes(|system| system.workloads[0].waits_for.push("etl".into())), ["DW0605"]);
        assert_eq!(codes(|system| system.workloads[1].paused = true), ["DW0606"]);
        assert_eq!(codes(|system| system.workloads[0].role = Role::ReadOnlyWebserver), ["DW0607"]);
        assert_eq!(codes(|system| drop(system.workloads.remove(0))), ["DW0608"]);
        assert_eq!(codes(|system| drop(system.workloads.pop())), ["DW0608"]);
        assert_eq!(codes(|system| system.workloads[0].reloader = Reloader::Auto), ["DW0609"]);
        // One that can be asked is enough.
        let second = workload(Role::ReadOnlyWebserver, "read-only");
        assert_eq!(codes(|system| system.workloads.push(second)), [""; 0]);
    }

    #[test]
    fn config_maps_show_what_is_wrong() {
        let of = |fields: serde_json::Value| codes_with(&system(), &fields);
        let helm = json!({"meta.helm.sh/release-name": "dagster", "meta.helm.sh/release-namespace": "data"});
        assert_eq!(of(json!({"metadata": {"annotations": helm}})), ["DW0610"]);
        let last = json!({"data": {"workspace.yaml": ""}}).to_string();
        let last = json!({"kubectl.kubernetes.io/last-applied-configuration": last});
        assert_eq!(of(json!({"metadata": {"annotations": last}})), ["DW0611"]);
        assert_eq!(of(json!({"data": {"other": ""}})), ["DW0612"]);
        assert_eq!(of(json!({"immutable": true})), ["DW0613"]);
        let text = |len: u64| json!({"data": {"workspace.yaml": "x".repeat(usize::try_from(len).unwrap())}});
        let limit = ConfigMap::LIMIT * NEARLY / 100;
        assert_eq!(of(text(limit + 1)), ["DW0614"]);
        assert_eq!(of(text(limit - 1)), [""; 0]);
        // dagster-uc's key.
        let (values, found) = (values(), object("v", &json!({"data": {"yaml": ""}})));
        let facts = |found| Facts {
            system: None,
            workspace: None,
            values: Some((&values, found)),
            system_release: None,
            code_release: None,
        };
        assert_eq!(shown(&facts(Some(&found))), [""; 0]);
        assert_eq!(shown(&facts(None)), ["DW0612"]);
    }

    fn values() -> Holder {
        Holder { or_key: Some("yaml".to_owned()), ..holder("v", "values.yaml") }
    }

    #[test]
    fn release_shows_what_is_wrong() {
        let of = |config: serde_json::Value| {
            let release = release(&config);
            let facts = Facts {
                system: None,
                workspace: None,
                values: None,
                system_release: Some(&release),
                code_release: None,
            };
            shown(&facts)
        };
        let code = json!({"enabled": true, "enableSubchart": false});
        let with = |workspace: serde_json::Value| {
            of(json!({"dagster-user-deployments": code, "dagsterWebserver": {"workspace": workspace}}))
        };
        assert_eq!(with(json!({"enabled": true, "servers": [], "externalConfigmap": "w"})), [""; 0]);
        assert_eq!(with(json!({"enabled": true, "externalConfigmap": "w"})), ["DW0616"]);
        assert_eq!(with(json!({"servers": [], "externalConfigmap": "w"})), ["DW0616"]);
        assert_eq!(with(json!({"enabled": true})), [""; 0]);
        // The older key wins.
        let both = json!({"enabled": true, "servers": [{"host": "a"}], "externalConfigmap": "w"});
        let fine = json!({"enabled": true, "servers": [], "externalConfigmap": "w"});
        let mixed = |dagit: &serde_json::Value, new: &serde_json::Value| {
            of(
                json!({"dagster-user-deployments": code, "dagit": {"workspace": dagit}, "dagsterWebserver": {"workspace": new}}),
            )
        };
        assert_eq!(mixed(&fine, &both), [""; 0]);
        assert_eq!(mixed(&both, &fine), ["DW0616"]);
        assert_eq!(of(json!({})), ["DW0617"]);
        assert_eq!(of(json!({"dagster-user-deployments": {"enabled": false, "enableSubchart": false}})), ["DW0617"]);

        let large = Release { len: ConfigMap::LIMIT, ..release(&json!({"dagster-user-deployments": code})) };
        let facts =
            Facts { system: None, workspace: None, values: None, system_release: None, code_release: Some(&large) };
        assert_eq!(shown(&facts), ["DW0615"]);
    }

    #[test]
    fn errors_come_first() {
        let found = codes(|system| {
            system.workloads[0].paused = true;
            system.workloads[1].mount = None;
        });
        assert_eq!(found, ["DW0603", "DW0606"]);
    }
}
