//! Many jobs at once, and what a job costs.

#![allow(clippy::print_stdout, reason = "what jobs cost beyond what is promised is printed")]

use serde_json::{Value, json};

use super::system::{Said, System};

fn add(name: &str) -> Vec<String> {
    ["add", name, "--image", "r/x:1", "--arg=-m"].map(str::to_owned).into()
}

async fn all(system: &System, jobs: Vec<Vec<String>>) -> Vec<Said> {
    let mut tasks = Vec::new();
    for job in jobs {
        let job: Vec<&str> = job.iter().map(String::as_str).collect();
        let mut command = system.command(&job);
        tasks.push(tokio::task::spawn_blocking(move || command.output().unwrap().into()));
    }
    let mut said = Vec::new();
    for task in tasks {
        said.push(task.await.unwrap());
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_jobs_at_once_lose_nothing() {
    let Some(system) = System::new(4).await else { return };
    let jobs = (0..40).map(|number| {
        let mut job = add(&format!("n{number}"));
        job.extend(["--only", "documents", "--output", "json"].map(str::to_owned));
        job
    });
    let mut requests = Vec::new();
    for said in all(&system, jobs.collect()).await {
        assert_eq!(said.exit, 0, "{said:#?}");
        requests.push(said.json()["requests"].as_u64().unwrap());
    }
    let sum: u64 = requests.iter().sum();
    println!("{} requests a job, at most {}", sum / 40, requests.iter().max().unwrap());
    assert!(sum <= 40 * 20, "{requests:?}");
    let (values, workspace) = (system.values().await, system.workspace().await);
    for number in 0..40 {
        assert_eq!(values.matches(&format!("name: n{number}\n")).count(), 1, "{values}");
        assert_eq!(workspace.matches(&format!("location_name: n{number}\n")).count(), 1, "{workspace}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_jobs_at_once_end_on_the_newest_values() {
    let Some(system) = System::new(3).await else { return };
    let said = all(&system, (0..6).map(|number| add(&format!("n{number}"))).collect()).await;
    for said in &said {
        assert_eq!(said.exit, 0, "{said:#?}");
    }
    let status = system.run(&["status", "--detailed-exitcode"]).await;
    assert_eq!(status.exit, 0, "{status:#?}");
    for number in 0..6 {
        assert!(status.stdout.contains(&format!("server      n{number} 1/1 ready")), "{}", status.stdout);
    }
    let revisions = system.revision();
    println!("{revisions} revisions for 6 jobs");
    assert!(revisions <= 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted() {
    let Some(system) = System::new(4).await else { return };
    let requests = |report: &Value| report["requests"].as_u64().unwrap();
    let documents = |report: &Value| -> u64 {
        report["documents"].as_array().unwrap().iter().map(|document| document["requests"].as_u64().unwrap()).sum()
    };
    let job = add("etl");
    let job: Vec<&str> = job.iter().map(String::as_str).collect();
    let mut only = job.clone();
    only.extend(["--only", "documents"]);
    let report = system.done(&only).await;
    println!("documents alone: {} requests, {} of them for documents", requests(&report), documents(&report));
    // Both documents, and one LIST to look around.
    assert_eq!((documents(&report), requests(&report)), (4, 5), "{report:#}");
    assert_eq!((&report["documents"][0]["attempts"], &report["documents"][1]["attempts"]), (&json!(1), &json!(1)));
    system.done(&job).await;
    let report = system.done(&job).await;
    println!("nothing to do: {} requests, {} of them for documents", requests(&report), documents(&report));
    // Two documents, the release, two webservers; and to look around a LIST of Deployments, one of pods, one GET for each
    // code server of the job.
    assert_eq!((documents(&report), requests(&report)), (2, 2 + 1 + 2 + 3), "{report:#}");
    assert_eq!(report["changed"], json!(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_that_was_overtaken_between_commit_and_helm_takes_nothing_away() {
    for major in [3, 4] {
        let Some(system) = System::new(major).await else { return };
        let (a, b) = (add("a"), add("b"));
        let (a, b): (Vec<&str>, Vec<&str>) =
            (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
        let with = |job: &[&'static str], only: &'static str| [job, &["--only", only]].concat();
        let statics =
            |job: &[&str]| -> Vec<&'static str> { job.iter().map(|text| &*text.to_string().leak()).collect() };
        let (a, b) = (statics(&a), statics(&b));
        // The first has committed, the second does all of its work.
        system.done(&with(&a, "values")).await;
        system.done(&b).await;
        assert_eq!(system.revision(), 1);
        let rest = system.done(&a).await;
        assert_eq!((&rest["release"]["runs"], system.revision()), (&json!(0), 1), "{rest:#}");
        system.done(&["remove", "a", "b"]).await;

        // Both have committed, then the first goes on before the second.
        system.done(&with(&a, "values")).await;
        system.done(&with(&b, "values")).await;
        let rest = system.done(&a).await;
        assert_eq!((&rest["release"]["runs"], system.revision()), (&json!(1), 3), "{rest:#}");
        let rest = system.done(&b).await;
        assert_eq!((&rest["release"]["runs"], system.revision()), (&json!(0), 3), "{rest:#}");
        let status = system.run(&["status", "--detailed-exitcode"]).await;
        assert_eq!(status.exit, 0, "{status:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_of_one_process_take_turns() {
    use dagster_workspace_core::values::UserDeployment;
    use dagster_workspace_kube::deploy::{Deployer, Settings, Steps};
    use std::sync::atomic::{AtomicU32, Ordering};
    let Some(system) = System::new(4).await else { return };
    let requests = std::sync::Arc::new(AtomicU32::new(0));
    let client = system.namespace.counted(&requests);
    let settings = Settings { steps: Steps::documents(), ..Settings::default() };
    let deployer = Deployer::with_client(client, &system.namespace.name).settings(settings).build();
    let calls: Vec<_> = (0..100)
        .map(|number| {
            let deployer = deployer.clone();
            tokio::spawn(async move {
                let deployment = UserDeployment::new(format!("n{number}"), "r/x:1".parse().unwrap());
                deployer.add(&[deployment]).await.unwrap()
            })
        })
        .collect();
    for call in calls {
        let report = call.await.unwrap();
        assert!(report.documents.iter().all(|document| document.requests <= 2), "{report:#?}");
    }
    let requests = requests.load(Ordering::Relaxed);
    println!("100 concurrent calls: {requests} requests");
    // A write of each document; they share reads, and look around together.
    assert!(requests <= 100 * 2 + 40, "{requests}");
    assert_eq!(system.workspace().await.matches("location_name: n").count(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_is_one_write_for_each_document_and_one_helm() {
    let Some(system) = System::new(4).await else { return };
    let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    let mut job = vec!["add"];
    job.extend(names.iter().map(String::as_str));
    job.extend(["--image", "r/x:1", "--arg=-m"]);
    let report = system.done(&job).await;
    assert_eq!((report["release"]["runs"].as_u64(), system.revision()), (Some(1), 1));
    assert_eq!(report["webservers"].as_array().unwrap().len(), 2);
    assert_eq!(system.webservers.asked().1, 2, "one reload each");
    assert!(report["documents"].as_array().unwrap().iter().all(|document| document["requests"].as_u64() <= Some(3)));
    let mut job = vec!["remove"];
    job.extend(names.iter().map(String::as_str));
    system.done(&job).await;
    assert_eq!(system.values().await, "# ours\ndeployments: []\n");
}
