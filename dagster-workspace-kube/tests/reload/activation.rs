//! From a written file to a served workspace: what is asked, how often, and when it ends.

use std::time::{Duration, SystemTime};

use dagster_workspace_kube::reload::{
    Activation, DaemonRead, Difference, Expected, Hastened, NeedsRestart, Outcome, Policy, Projection, ReloadError,
    activate, wait_daemon,
};
use tokio::time::Instant;

use crate::webserver::{Planned, Reply, expect, loaded, loading, pod, refused, status, unauthorized, workspace};

/// A webserver whose file holds `before` until `arrives`, and then `after`.
fn projected(before: Vec<serde_json::Value>, after: Vec<serde_json::Value>, arrives: Duration) -> Planned {
    let (start, mut served) = (Instant::now(), before.clone());
    Planned::new(move |operation| match operation {
        "touch" => pod(),
        "ReloadWorkspace" => {
            served = if start.elapsed() < arrives { before.clone() } else { after.clone() };
            workspace(&served)
        }
        _ => workspace(&served),
    })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn served_already_costs_one_question() {
    for expected in [expect(&[("a", 1)], &["b"]), Expected::default()] {
        let planned = projected(vec![loaded("a", 1)], vec![], seconds(0));
        let activated = planned.activate(&expected).await;
        assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
        assert_eq!((activated.queries, activated.reloads, activated.hastened), (1, 0, Hastened::No));
        assert_eq!(planned.log(), ["Locations"]);
    }
}

#[tokio::test(start_paused = true)]
async fn file_that_is_there_needs_one_reload() {
    let planned = projected(vec![loaded("a", 1)], vec![loaded("a", 1), loaded("b", 2)], seconds(0));
    let activated = planned.activate(&expect(&[("b", 2)], &[])).await;
    let Outcome::Serving { locations } = &activated.outcome else { panic!("{activated:?}") };
    let [b] = locations.as_slice() else { panic!("{locations:?}") };
    assert_eq!((b.name.as_str(), b.host(), b.port()), ("b", Some("b"), Some(2)));
    assert_eq!((activated.reloads, &activated.hastened), (1, &Hastened::Yes));
    assert_eq!(planned.log(), ["Locations", "touch", "Locations", "ReloadWorkspace"]);
}

#[tokio::test(start_paused = true)]
async fn file_that_arrives_late_is_waited_for() {
    for late in [3, 20, 60, 90] {
        let planned = projected(vec![loaded("a", 1)], vec![loaded("a", 7)], seconds(late));
        let activated = planned.activate(&expect(&[("a", 7)], &[])).await;
        assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{late} s: {activated:?}");
        assert!(activated.reloads <= 8, "{late} s: {activated:?}");
        assert_eq!(planned.count("touch"), planned.count("ReloadWorkspace"), "each reload follows a touch");
    }
}

#[tokio::test(start_paused = true)]
async fn file_that_never_arrives_ends_after_eight_reloads() {
    let planned = projected(vec![loaded("a", 1)], vec![], Duration::MAX);
    let start = Instant::now();
    let activated = planned.activate(&expect(&[("a", 7), ("b", 2)], &[])).await;
    let Outcome::Behind { differences } = &activated.outcome else { panic!("{activated:?}") };
    let said: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["`a` is served otherwise: port expected `7`, found `1`", "`b` is not served yet"]);
    assert_eq!((planned.count("ReloadWorkspace"), activated.reloads), (8, 8));
    assert!(start.elapsed() <= Policy::default().deadline);

    let policy = Policy { reloads: 2, ..Policy::default() };
    assert_eq!(planned.activate_with(&expect(&[("b", 2)], &[]), &policy).await.reloads, 2);
    // Time runs out in the pause before the second.
    let policy = Policy { deadline: seconds(1), ..Policy::default() };
    let activated = planned.activate_with(&expect(&[("b", 2)], &[]), &policy).await;
    assert!(matches!(activated.outcome, Outcome::Behind { .. }), "{activated:?}");
    assert_eq!(activated.reloads, 1);
}

#[tokio::test(start_paused = true)]
async fn reload_of_somebody_else_is_enough() {
    let start = Instant::now();
    let planned = Planned::new(move |operation| match operation {
        "touch" => pod(),
        "Locations" if start.elapsed() < Duration::from_millis(300) => workspace(&[]),
        "Locations" => workspace(&[loaded("a", 1)]),
        other => panic!("{other}"),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    assert_eq!(activated.reloads, 0);
}

#[tokio::test(start_paused = true)]
async fn removed_location_is_gone_and_still_gone() {
    let planned = projected(vec![loaded("a", 1), loaded("b", 2)], vec![loaded("b", 2)], seconds(0));
    let start = Instant::now();
    let activated = planned.activate(&expect(&[], &["a"])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    assert_eq!(planned.log(), ["Locations", "touch", "Locations", "ReloadWorkspace", "Locations"]);
    assert!(start.elapsed() >= Policy::default().still_gone);
}

#[tokio::test(start_paused = true)]
async fn removed_location_that_comes_back_is_removed_again() {
    // A webserver that was just loading it puts it back after the first reload.
    let (mut reloads, mut gone_since) = (0, None);
    let planned = Planned::new(move |operation| match operation {
        "touch" => pod(),
        "ReloadWorkspace" => {
            reloads += 1;
            gone_since = Some(Instant::now());
            workspace(&[])
        }
        _ => match gone_since {
            Some(since) if reloads > 1 || since.elapsed() < seconds(1) => workspace(&[]),
            _ => workspace(&[loaded("a", 1)]),
        },
    });
    let activated = planned.activate(&expect(&[], &["a"])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    assert_eq!(activated.reloads, 2);
}

#[tokio::test(start_paused = true)]
async fn location_that_is_loading_is_waited_for() {
    let start = Instant::now();
    let planned = Planned::new(move |operation| match operation {
        "Locations" if start.elapsed() < seconds(10) => workspace(&[loading("a", 1)]),
        "Locations" => workspace(&[loaded("a", 1)]),
        other => panic!("{other}"),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");

    let forever = Planned::new(|_| workspace(&[loading("a", 1)]));
    let activated = forever.activate(&expect(&[("a", 1)], &[])).await;
    assert_eq!(activated.outcome, Outcome::Behind { differences: Vec::new() });
}

#[tokio::test(start_paused = true)]
async fn refused_file_is_tried_again_as_it_may_be_the_old_one() {
    let mut reloads = 0;
    let planned = Planned::new(move |operation| match operation {
        "touch" => pod(),
        "ReloadWorkspace" => {
            reloads += 1;
            if reloads < 3 { refused("CheckError: the same name\n") } else { workspace(&[loaded("a", 1)]) }
        }
        _ => workspace(&[]),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    assert_eq!(activated.reloads, 3);
}

#[tokio::test(start_paused = true)]
async fn file_refused_to_the_end_is_told_with_the_error() {
    let planned = Planned::new(|operation| match operation {
        "touch" => pod(),
        "ReloadWorkspace" => refused("CheckError: the same name\n"),
        _ => workspace(&[]),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    let Outcome::Rejected { errors } = &activated.outcome else { panic!("{activated:?}") };
    assert_eq!(errors[0].message, "CheckError: the same name");
    assert_eq!(planned.count("ReloadWorkspace"), 8);
}

#[tokio::test(start_paused = true)]
async fn read_only_webserver_needs_a_restart() {
    let answers = |operation: &str| match operation {
        "touch" => pod(),
        "Locations" => workspace(&[loaded("a", 1)]),
        _ => unauthorized(),
    };
    let planned = Planned::new(answers);
    let activated = planned.activate(&expect(&[("b", 2)], &[])).await;
    let differences = vec![Difference::Missing { name: "b".to_owned() }];
    assert_eq!(activated.outcome, Outcome::NeedsRestart { why: NeedsRestart::ReadOnly, differences });
    assert_eq!(planned.count("ReloadWorkspace"), 1);
    // It may be asked, and may have been restarted.
    let activated = Planned::new(answers).activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
}

#[tokio::test(start_paused = true)]
async fn file_that_never_changes_needs_a_restart() {
    let planned = Planned::new(|_| workspace(&[loaded("a", 1)]));
    let webserver = [planned.webserver.clone().with_projection(Projection::Never)];
    let policy = Policy::default();
    let activation = activate(&webserver, &expect(&[("b", 2)], &[]), &policy).await;
    let differences = vec![Difference::Missing { name: "b".to_owned() }];
    assert_eq!(
        activation.webservers[0].outcome,
        Outcome::NeedsRestart { why: NeedsRestart::FileNeverChanges, differences }
    );
    assert!(activate(&webserver, &expect(&[("a", 1)], &[]), &policy).await.is_complete());
    assert_eq!(planned.log(), ["Locations", "Locations"]);
}

#[tokio::test(start_paused = true)]
async fn missing_permission_to_touch_is_told_and_not_asked_for_again() {
    let start = Instant::now();
    let mut served = vec![];
    let planned = Planned::new(move |operation| match operation {
        "touch" => status(403, "pods \"web-0\" is forbidden"),
        "ReloadWorkspace" => {
            if start.elapsed() > seconds(40) {
                served = vec![loaded("a", 1)];
            }
            workspace(&served)
        }
        _ => workspace(&served),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    let Hastened::Failed { error: ReloadError::Forbidden { verb, resource, .. } } = &activated.hastened else {
        panic!("{activated:?}")
    };
    assert_eq!((*verb, *resource, planned.count("touch")), ("patch", "pods", 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_stops_no_other() {
    let good = || projected(vec![], vec![loaded("a", 1)], seconds(5));
    let planned = [good(), Planned::new(|_| Reply::Silence), good()];
    let webservers = planned.each_ref().map(|planned| planned.webserver.clone());
    let Activation { webservers } = activate(&webservers, &expect(&[("a", 1)], &[]), &Policy::default()).await;
    let [first, second, third] = webservers.as_slice() else { panic!("{webservers:?}") };
    assert!(matches!(first.outcome, Outcome::Serving { .. }), "{first:?}");
    assert!(matches!(second.outcome, Outcome::Lost { error: ReloadError::Silent { .. } }), "{second:?}");
    assert!(matches!(third.outcome, Outcome::Serving { .. }), "{third:?}");
}

#[tokio::test(start_paused = true)]
async fn daemon_has_read_a_minute_after_the_file_arrived() {
    let written = SystemTime::UNIX_EPOCH + seconds(1_000_000);
    let by = |projection| DaemonRead::after(written, projection).map(|read| read.remaining(written).as_secs());
    assert_eq!(by(Projection::Hastened), Some(75));
    assert_eq!(by(Projection::OfItself), Some(155));
    assert_eq!(by(Projection::Never), None);

    let read = DaemonRead::after(written, Projection::Hastened).unwrap();
    let start = Instant::now();
    wait_daemon(&read, || written + start.elapsed()).await;
    assert_eq!(start.elapsed().as_secs(), 75);
    // A clock that is past it already.
    wait_daemon(&read, || written + seconds(80)).await;
    assert_eq!(start.elapsed().as_secs(), 75);
}
