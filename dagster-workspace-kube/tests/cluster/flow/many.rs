//! Many jobs at once, and what a job costs.

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
    let mut most = 0;
    for said in all(&system, jobs.collect()).await {
        assert_eq!(said.exit, 0, "{said:#?}");
        most = most.max(said.json()["requests"].as_u64().unwrap());
    }
    println!("at most {most} requests a job");
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
    assert!(documents(&report) == 4 && requests(&report) <= 10, "{report:#}");
    system.done(&job).await;
    let report = system.done(&job).await;
    println!("nothing to do: {} requests, {} of them for documents", requests(&report), documents(&report));
    // Two documents, the release, two webservers; and to look around two LISTs of Deployments, one of pods, one GET for each
    // code server of the job.
    assert_eq!((documents(&report), requests(&report)), (2, 2 + 1 + 2 + 4), "{report:#}");
    assert_eq!(report["changed"], json!(false));
}
