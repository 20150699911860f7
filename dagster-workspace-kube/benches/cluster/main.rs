//! What jobs on a cluster cost: requests, wall-clock time, and the time of each step, printed. On the API server, the helm and the
//! webservers of the tests, so times are those of this machine. Run by `make bench-cluster`.

#![allow(clippy::print_stdout, reason = "a bench prints what it measures")]
#![allow(dead_code, reason = "what tests need and this does not")]

#[path = "../../tests/cluster/chart.rs"]
mod chart;
#[path = "../../tests/cluster/kubelet.rs"]
mod kubelet;
#[path = "../../tests/cluster/namespace.rs"]
mod namespace;
#[path = "../../tests/cluster/standin.rs"]
mod standin;
#[path = "../../tests/cluster/flow/system.rs"]
mod system;

use std::time::{Duration, Instant};

use dagster_workspace_core::values::UserDeployment;
use dagster_workspace_kube::deploy::{Deployer, Report, Settings, Steps};
use dagster_workspace_kube::helm::ChartSource;
use serde_json::Value;
use system::System;
use testing::ControlPlane;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for major in [3, 4] {
        let Some(system) = System::new(major).await else { return };
        println!("\nhelm {major}, as a program, times in seconds");
        one_job(&system).await;
    }
    let Some(system) = System::new(4).await else { return };
    println!("\nin one process");
    in_process(&system).await;
    println!("\nmany jobs, both documents, as programs");
    for jobs in [1, 10, 40] {
        many(&system, jobs).await;
    }
}

async fn one_job(system: &System) {
    let add = ["add", "etl", "--image", "r/etl:1", "--arg=-m"];
    for (what, job) in [
        ("add, documents alone", [&add[..], &["--only", "documents"]].concat()),
        ("add, the rest", add.to_vec()),
        ("add, nothing to do", add.to_vec()),
        ("set-image", vec!["set-image", "etl", "r/etl:2"]),
        ("remove", vec!["remove", "etl"]),
        ("remove, nothing to do", vec!["remove", "etl"]),
    ] {
        let started = Instant::now();
        let report = system.done(&job).await;
        let (wall, requests) = (started.elapsed(), &report["requests"]);
        let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
        let steps: Vec<String> =
            steps.iter().map(|step| format!("{} {}", text(&step["step"]), step["seconds"])).collect();
        println!("{what:<22} {requests:>3} requests {:>7.3}  {}", wall.as_secs_f64(), steps.join(", "));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn in_process(system: &System) {
    let settings = Settings {
        chart: Some(ChartSource::Path(testing::code_chart())),
        helm: testing::helm(4),
        kubeconfig: Some(ControlPlane::shared().expect("there is a system").kubeconfig()),
        ..Settings::default()
    };
    let deployer = |steps: Steps| {
        let settings = Settings { steps, ..settings.clone() };
        Deployer::with_client(system.namespace.client.clone(), &system.namespace.name).settings(settings).build()
    };
    let whole = deployer(Steps::default());
    whole.add(&[deployment("etl")]).await.expect("it is deployed");
    let mut nothing: Vec<Report> = Vec::new();
    for _ in 0..20 {
        nothing.push(whole.add(&[deployment("etl")]).await.expect("nothing is to be done"));
    }
    let without_webservers = |report: &Report| -> Duration {
        report.steps.iter().filter(|step| step.step.as_str() != "activate").map(|step| step.took).sum()
    };
    let mut times: Vec<Duration> = nothing.iter().map(without_webservers).collect();
    times.sort();
    println!("add, nothing to do, without the webservers' answers: median {:.1} ms", times[10].as_secs_f64() * 1000.0);

    let documents = deployer(Steps::documents());
    let started = Instant::now();
    for number in 0..100 {
        documents.add(&[deployment(&format!("s{number}"))]).await.expect("it is added");
    }
    let serial = started.elapsed();
    let started = Instant::now();
    let calls: Vec<_> = (0..100)
        .map(|number| {
            let documents = documents.clone();
            tokio::spawn(async move { documents.add(&[deployment(&format!("c{number}"))]).await.expect("it is added") })
        })
        .collect();
    for call in calls {
        call.await.expect("it does not panic");
    }
    let (serial, at_once) = (serial.as_secs_f64(), started.elapsed().as_secs_f64());
    println!("100 adds, one after the other {serial:.2} s, at once {at_once:.2} s");
}

fn deployment(name: &str) -> UserDeployment {
    let image = "r/x:1".parse().expect("it is an image");
    UserDeployment::new(name, image).dagster_api_grpc_args(["-m", "x"])
}

async fn many(system: &System, jobs: usize) {
    let started = Instant::now();
    let tasks: Vec<_> = (0..jobs)
        .map(|number| {
            let name = format!("m{jobs}x{number}");
            let job = ["add", &name, "--image", "r/x:1", "--arg=-m", "--only", "documents", "--output", "json"];
            let mut command = system.command(&job);
            tokio::task::spawn_blocking(move || {
                let started = Instant::now();
                let output = command.output().expect("it runs");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                let report: Value = serde_json::from_slice(&output.stdout).expect("it answers with JSON");
                (started.elapsed(), report["requests"].as_u64().unwrap_or_default())
            })
        })
        .collect();
    let (mut slowest, mut requests, mut most) = (Duration::ZERO, 0, 0);
    for task in tasks {
        let (wall, sent) = task.await.expect("it does not panic");
        (slowest, requests, most) = (slowest.max(wall), requests + sent, most.max(sent));
    }
    let text = system.values().await;
    let there = (0..jobs).filter(|number| text.contains(&format!("name: m{jobs}x{number}\n"))).count();
    println!(
        "{jobs:>3} at once: {:>5.1} requests a job, at most {most}; the slowest {:.2} s, all {:.2} s; {} lost",
        requests as f64 / jobs as f64,
        slowest.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        jobs - there
    );
}
