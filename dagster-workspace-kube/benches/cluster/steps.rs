//! A whole add, step by step: what each takes, and what it asks of the API server.

use std::time::{Duration, SystemTime};

use dagster_workspace_core::values::UserDeployment;
use dagster_workspace_kube::cluster::{self, Connection};
use dagster_workspace_kube::deploy::{Deployer, Event, Events, Settings};
use dagster_workspace_kube::helm::ChartSource;
use k8s_openapi::jiff::Timestamp;

use crate::audit::Request;
use crate::report::{Report, Table, median, time};
use crate::site::Site;

const RUNS: usize = 5;

/// One step of one run.
struct Passed {
    step: String,
    took: Duration,
    ours: Vec<Request>,
    helms: usize,
}

pub(crate) async fn measure(report: &mut Report) {
    let site = Site::new().await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        runs.push(whole(&site, &format!("w{number}")).await);
    }
    let mut rows = Vec::new();
    let (mut all, mut all_ours, mut all_helms) = (Duration::ZERO, 0, 0);
    for (at, Passed { step, ours, helms, .. }) in runs[RUNS - 1].iter().enumerate() {
        let took = median(&runs.iter().map(|run| run[at].took).collect::<Vec<_>>());
        (all, all_ours, all_helms) = (all + took, all_ours + ours.len(), all_helms + helms);
        rows.push(vec![
            step.clone(),
            time(took),
            ours.len().to_string(),
            helms.to_string(),
            crate::audit::counted(ours),
        ]);
    }
    rows.push(vec!["all".to_owned(), time(all), all_ours.to_string(), all_helms.to_string(), String::new()]);
    let title = format!("A whole add, three webserver pods, helm 4 (median times of {RUNS}, requests of the last)");
    report.table(Table { title, head: vec!["step", "took", "our requests", "helm's", "ours"], rows });
}

/// Adds one deployment, and gives what came between the beginnings and ends of the steps.
async fn whole(site: &Site, name: &str) -> Vec<Passed> {
    let namespace = site.system.namespace.name.clone();
    let connection = Connection { kubeconfig: Some(site.kubeconfig()), context: None, namespace: Some(namespace) };
    let connected = cluster::connect(&connection).await.unwrap();
    let settings = Settings {
        chart: Some(ChartSource::Path(testing::code_chart())),
        helm: testing::helm(site.system.major),
        ..Settings::default()
    };
    let (events, mut stream) = Events::channel();
    let deployer = Deployer::builder(&connected).settings(settings).events(events).build();
    let mut audit = site.audit();
    let deployment = UserDeployment::new(name, "ghcr.io/acme/etl:1.4.2".parse().unwrap());
    let listening = tokio::spawn(async move {
        let mut marks = vec![("".to_owned(), SystemTime::now(), Duration::ZERO)];
        while let Some(event) = stream.next().await {
            if let Event::Ended(step) = event {
                marks.push((step.step.to_string(), SystemTime::now(), step.took));
            }
        }
        marks
    });
    let added = deployer.add(&[deployment]).await;
    added.unwrap_or_else(|failed| panic!("{failed:#?}"));
    drop(deployer);
    let marks = listening.await.unwrap();
    let requests = audit.requests().await;
    let received = |request: &Request| SystemTime::from(request.received.parse::<Timestamp>().unwrap());
    let between = |pair: &[(String, SystemTime, Duration)]| {
        let [(_, from, _), (step, to, took)] = pair else { unreachable!("windows of two") };
        let within = |request: &&Request| received(request) >= *from && received(request) < *to;
        let (helms, ours): (Vec<Request>, Vec<Request>) =
            requests.iter().filter(within).cloned().partition(Request::is_of_helm);
        Passed { step: step.clone(), took: *took, ours, helms: helms.len() }
    };
    marks.windows(2).map(between).collect()
}
