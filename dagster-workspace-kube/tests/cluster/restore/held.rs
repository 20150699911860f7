//! A restore is killed while helm is at work: with it, or alone, so that helm goes on without it.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use dagster_workspace_kube::deploy::{Deployer, Occupied, Restore, Settings, SystemRelease};
use dagster_workspace_kube::helm::{self, ChartSource, Patience, Status};
use dagster_workspace_kube::history;
use kube::api::DeleteParams;
use kube::core::Request;
use serde_json::{Value, json};

use super::kept::Kept;
use crate::kubelet::{Fate, Pods};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    /// The restore; helm goes on without it.
    Restore,
    /// Both, as when their machine goes.
    Both,
}

/// A helm that waits for the pods of one release, and so is at work on it for as long as a test needs.
fn waiting_helm(folder: &Path, major: u8, release: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/helm/program.sh");
    symlink(program, folder.join("helm")).unwrap();
    symlink(testing::helm(major).unwrap(), folder.join("real")).unwrap();
    let script =
        format!("case \"$*\" in *' -- {release} '*) shift; exec \"$here/real\" upgrade --wait \"$@\";; esac\n");
    std::fs::write(folder.join("script"), script).unwrap();
    folder.join("helm").display().to_string()
}

fn kill(folder: &Path) {
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Restores, and kills it while helm is at work on `release`, whose pods these are.
async fn killed_at(kept: &Kept, release: &str, pods: &Pods, killed: Killed) {
    let (system, folder) = (&kept.system, tempfile::tempdir().unwrap());
    system.kubelet.decide(pods.clone(), Fate::NeverReady);
    let restore = kept.restore(&[]);
    let restore: Vec<&str> = restore.iter().map(String::as_str).collect();
    let mut command = system.command_without(&["--helm"], &restore);
    command.args(["--helm", &waiting_helm(folder.path(), system.major, release)]);
    // Nobody reads what it says.
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let pending = async || {
        let found = helm::release(&system.namespace.client, &system.namespace.name, release).await.unwrap();
        found.filter(|found| found.status == Status::PendingInstall)
    };
    system.namespace.until(pending).await;
    if killed == Killed::Both {
        kill(folder.path());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    system.kubelet.decide(pods.clone(), Fate::Ready(Duration::ZERO));
    if killed == Killed::Restore {
        // What it runs from stays until it is done.
        let over = async || pending().await.is_none().then_some(());
        system.namespace.until(over).await;
    }
}

/// The same restore without the ten minutes for which a helm may be at work elsewhere.
async fn restore_at_once(kept: &Kept) {
    let system = &kept.system;
    let settings = Settings {
        chart: Some(ChartSource::Path(testing::code_chart())),
        helm: testing::helm(system.major),
        kubeconfig: Some(testing::ControlPlane::shared().unwrap().kubeconfig()),
        patience: Patience { stuck_after: Duration::ZERO, ..Patience::default() },
        ..Settings::default()
    };
    let deployer = Deployer::with_client(system.namespace.client.clone(), &system.namespace.name).settings(settings);
    let values = std::fs::read_to_string(kept.system_values()).unwrap();
    let chart = Some(ChartSource::Path(testing::system_chart()));
    let release = SystemRelease { values, chart, chart_version: None };
    let restore = Restore { revision: None, system: Some(release), occupied: Occupied::Refuse };
    let report = deployer.build().restore(&history::open(&kept.place()).unwrap(), &restore).await.unwrap();
    assert!(report.changed && report.activation.unwrap().is_complete());
}

/// Leases expire by themselves, which takes half a minute and has tests of its own.
async fn drop_leases(kept: &Kept) {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", kept.system.namespace.name);
    let request = Request::new(path).delete_collection(&DeleteParams::default(), &Default::default()).unwrap();
    kept.system.namespace.client.request::<Value>(request).await.unwrap();
}

async fn restore_is_finished(major: u8) {
    let Some(kept) = Kept::new(major).await else { return };
    kept.done(&["add", "etl", "--image", "r/etl:1", "--arg=-m"]).await;
    let documents = kept.documents().await;
    let webserver = Pods::Label("component".into(), "dagster-webserver".into());
    let (system, code) = (("dagster", webserver), ("dagster-user-deployments", Pods::Image("r/etl:1".into())));
    for ((release, pods), killed) in [(&system, Killed::Both), (&code, Killed::Both), (&code, Killed::Restore)] {
        kept.system.namespace.delete_all().await;
        killed_at(&kept, release, pods, killed).await;
        match killed {
            Killed::Both => {
                drop_leases(&kept).await;
                restore_at_once(&kept).await;
            }
            Killed::Restore => drop(kept.done_with(&kept.restore(&[])).await),
        }
        assert_eq!(kept.documents().await, documents, "{release} {killed:?}");
        let deployed = ["dagster", "dagster-user-deployments"].map(|name| (name.into(), "deployed".into(), "1".into()));
        assert_eq!(kept.releases(), deployed, "{release} {killed:?}");
        let again = kept.done_with(&kept.restore(&[])).await;
        assert_eq!(again["changed"], json!(false), "{release} {killed:?}: {again:#}");
    }
    assert_eq!(kept.revisions().await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restore_killed_while_helm_3_is_at_work_is_finished_by_the_next() {
    restore_is_finished(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restore_killed_while_helm_4_is_at_work_is_finished_by_the_next() {
    restore_is_finished(4).await;
}
