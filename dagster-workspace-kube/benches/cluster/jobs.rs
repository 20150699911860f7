//! The command, as CI runs it: a process for each job.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::audit::{Audit, Request, counted};
use crate::report::{Report, Table, median, time};
use crate::site::{Run, Site, run, run_at_once};

pub(crate) async fn measure(report: &mut Report) {
    let site = Site::new().await;
    nothing_to_do(report, &site).await;
    let alone = documents_alone(report, &site).await;
    many(report, &site, alone).await;
}

fn adding<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["add", name, "--image", "ghcr.io/acme/etl:1.4.2", "--arg=-m", "--arg=etl"];
    arguments.extend(more);
    arguments
}

/// The number of requests that a job says it has sent.
fn requests(run: &Run) -> u64 {
    run.said.json()["requests"].as_u64().unwrap()
}

fn of(requests: &[Request], what: &[&str]) -> usize {
    requests.iter().filter(|request| what.contains(&request.what().as_str())).count()
}

/// An add of what is there already.
async fn nothing_to_do(report: &mut Report, site: &Site) {
    const RUNS: usize = 21;
    let etl = adding("etl", &[]);
    let first = run(site.command(&etl)).await;
    assert_eq!(first.said.exit, 0, "{first:#?}");
    let mut audit = site.audit();
    let (mut walls, mut steps) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let run = run(site.command_without_helm(&etl)).await;
        assert_eq!((run.said.exit, &run.said.json()["changed"]), (0, &Value::Bool(false)), "{run:#?}");
        walls.push(run.wall);
        steps.push(step_times(&run.said.json()));
    }
    let all = audit.requests().await;
    let each = &all[all.len() - all.len() / RUNS..];
    let documents = of(each, &["get configmaps"]);
    let (release, queries) = (of(each, &["list secrets"]), of(each, &["create pods/proxy"]));
    let writes = all.iter().filter(|request| request.is_write()).count();
    let rest = each.len() - documents - release - queries;
    let measured = format!(
        "{documents} document reads, {release} release read, {queries} queries for 3 webservers; {rest} requests of discovery; \
         {writes} writes; helm is not there to be run"
    );
    let wanted = "2 document reads, 1 release read, 1 query per webserver pod; no helm, no write";
    let reached = (documents, release, queries, writes) == (2, 1, 3, 0);
    report.goal("an add with nothing to do, as a whole", wanted, &measured, reached);
    let (middle, best) = (median(&walls), walls.iter().min().copied().unwrap_or_default());
    let measured = format!("median {}, best {} of {RUNS} processes, from start to end", time(middle), time(best));
    report.goal(
        "the same, time (webservers answer at once)",
        "under 50 ms",
        &measured,
        middle < Duration::from_millis(50),
    );

    let names: Vec<&str> = steps[0].iter().map(|(name, _)| name.as_str()).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut told = Duration::ZERO;
    for (at, name) in names.iter().enumerate() {
        let took = median(&steps.iter().map(|run| run[at].1).collect::<Vec<_>>());
        told += took;
        rows.push(vec![(*name).to_owned(), time(took)]);
    }
    rows.push(vec!["process, TLS, first reads of the documents".to_owned(), time(middle.saturating_sub(told))]);
    rows.push(vec!["requests".to_owned(), counted(each)]);
    report.table(Table {
        title: "An add with nothing to do, by step (medians)".to_owned(),
        head: vec!["step", "took"],
        rows,
    });
}

fn step_times(report: &Value) -> Vec<(String, Duration)> {
    let steps = report["steps"].as_array().unwrap().iter();
    let time = |step: &Value| Duration::from_secs_f64(step["seconds"].as_f64().unwrap());
    steps.map(|step| (step["step"].as_str().unwrap().to_owned(), time(step))).collect()
}

const DOCUMENTS: &[&str] = &["--only", "documents"];

/// One add of both documents, again and again; gives the wall time of one.
async fn documents_alone(report: &mut Report, site: &Site) -> Duration {
    const RUNS: usize = 21;
    let mut audit = site.audit();
    let mut walls = Vec::new();
    for number in 0..RUNS {
        let run = run(site.command(&adding(&format!("a{number}"), DOCUMENTS))).await;
        assert_eq!(run.said.exit, 0, "{run:#?}");
        walls.push(run.wall);
    }
    let all = audit.requests().await;
    let each = &all[all.len() - all.len() / RUNS..];
    let documents = of(each, &["get configmaps", "update configmaps"]);
    let measured = format!(
        "{documents} document requests, {} in all ({}), median {}",
        each.len(),
        counted(each),
        time(median(&walls))
    );
    let wanted = "4 document requests, at most 10 in all";
    report.goal("one add alone, both documents, no helm", wanted, &measured, documents == 4 && each.len() <= 10);
    median(&walls)
}

/// What a crowd of jobs came to.
struct Crowd {
    lost: usize,
    failed: usize,
    /// Of a job, the most.
    most: u64,
    /// In all, by the API server.
    all: usize,
    conflicts: usize,
    slowest: Duration,
    wall: Duration,
}

async fn crowd(site: &Site, audit: &mut Audit, prefix: &str, jobs: usize) -> Crowd {
    site.reset().await;
    let names: Vec<String> = (0..jobs).map(|number| format!("{prefix}{number}")).collect();
    let commands: Vec<Command> = names.iter().map(|name| site.command(&adding(name, DOCUMENTS))).collect();
    audit.requests().await;
    let (runs, wall) = run_at_once(commands).await;
    let requests_of_all = audit.requests().await;
    let failed = runs.iter().filter(|run| run.said.exit != 0);
    for run in failed.clone() {
        eprintln!("{}", run.said.stderr);
    }
    let done = || runs.iter().filter(|run| run.said.exit == 0);
    Crowd {
        lost: site.lost(&names).await,
        failed: failed.count(),
        most: done().map(requests).max().unwrap_or(0),
        all: requests_of_all.len(),
        conflicts: requests_of_all.iter().filter(|request| request.is_conflict()).count(),
        slowest: runs.iter().map(|run| run.wall).max().unwrap_or_default(),
        wall,
    }
}

/// Many jobs, started together.
async fn many(report: &mut Report, site: &Site, alone: Duration) {
    let mut audit = site.audit();
    let each = |crowd: &Crowd, jobs: usize| crowd.all as f64 / jobs as f64;
    let mut rows = Vec::new();
    let forty = crowd(site, &mut audit, "f", 40).await;
    let measured = format!(
        "{} lost, {} gave up, slowest job {}, {:.1} requests per job (most {}), all done after {}",
        forty.lost,
        forty.failed,
        time(forty.slowest),
        each(&forty, 40),
        forty.most,
        time(forty.wall)
    );
    // Of every job, not on average.
    let reached = forty.lost + forty.failed == 0 && forty.slowest <= Duration::from_secs(3) && forty.most <= 20;
    let wanted = "0 lost, at most 3 s and 20 requests per job";
    report.goal("40 jobs at once, both documents", wanted, &measured, reached);

    site.reset().await;
    let started = Instant::now();
    for number in 0..100 {
        let run = run(site.command(&adding(&format!("o{number}"), DOCUMENTS))).await;
        assert_eq!(run.said.exit, 0, "{run:#?}");
    }
    let serial = started.elapsed();
    let ten = crowd(site, &mut audit, "t", 10).await;
    let hundred = crowd(site, &mut audit, "h", 100).await;
    // Of each job one LIST is discovery; the rest is for two documents.
    let per_add = |crowd: &Crowd, jobs: usize| (each(crowd, jobs) - 1.0) / 2.0;
    let ratio = hundred.wall.as_secs_f64() / serial.as_secs_f64();
    let measured = format!(
        "{} lost, {} gave up, {:.1} requests per add and document, {} = {ratio:.2} times the serial {}",
        hundred.lost,
        hundred.failed,
        per_add(&hundred, 100),
        time(hundred.wall),
        time(serial)
    );
    let reached = hundred.lost + hundred.failed == 0 && per_add(&hundred, 100) <= 12.0 && ratio <= 8.0;
    let wanted = "0 lost, 0 give-ups, at most 12 requests per add, at most 8 times the serial wall";
    report.goal("100 processes at once, both documents", wanted, &measured, reached);
    let measured =
        format!("{} lost, {} gave up, {:.1} requests per add and document", ten.lost, ten.failed, per_add(&ten, 10));
    let reached = ten.lost + ten.failed == 0 && per_add(&ten, 10) <= 6.0;
    report.goal("10 processes at once, both documents", "0 lost, at most 6 requests per add", &measured, reached);

    for (jobs, crowd) in [(10, &ten), (40, &forty), (100, &hundred)] {
        let numbers = [crowd.lost, crowd.failed, crowd.all, crowd.conflicts].map(|number| number.to_string());
        let mut row = vec![format!("{jobs} at once")];
        row.extend(numbers);
        row.extend([crowd.most.to_string(), time(crowd.slowest), time(crowd.wall)]);
        rows.push(row);
    }
    let mut row = vec!["one alone (median)".to_owned()];
    row.extend(["", "", "", "", "", ""].map(str::to_owned));
    row.push(time(alone));
    rows.push(row);
    let head = vec!["jobs", "lost", "failed", "requests", "conflicts", "most requests of a job", "slowest job", "wall"];
    report.table(Table { title: "Jobs of both documents: a process each, started together".to_owned(), head, rows });
}
