//! Locations that fail to load, and webservers that cannot be asked.

use std::time::Duration;

use dagster_workspace_kube::reload::{LocationState, Outcome, Policy, ReloadError, reload_locations};
use tokio::time::Instant;

use crate::webserver::{
    Planned, Reply, expect, failed, loaded, loading, location, pod, status, unauthorized, workspace,
};

const UNREACHABLE: &str = "DagsterUserCodeUnreachableError";
const BROKEN: &str = "DagsterUserCodeProcessError";

#[tokio::test(start_paused = true)]
async fn code_that_fails_is_told_with_its_error_chain() {
    let mut served = vec![];
    let planned = Planned::new(move |operation| match operation {
        "touch" => pod(),
        "ReloadWorkspace" => {
            served = vec![failed("a", 1, BROKEN), loaded("b", 2), failed("other", 3, BROKEN)];
            workspace(&served)
        }
        _ => workspace(&served),
    });
    let activated = planned.activate(&expect(&[("a", 1), ("b", 2)], &[])).await;
    let Outcome::Failing { failed } = &activated.outcome else { panic!("{activated:?}") };
    let [a] = failed.as_slice() else { panic!("{failed:?}") };
    let LocationState::Failed { errors } = &a.state else { panic!("{a:?}") };
    let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!((a.name.as_str(), said), ("a", vec!["it failed", "NameError: x"]));
    assert_eq!(errors[1].stack, ["at x\n"]);
    // Its own reload found out: that is no old error.
    assert_eq!(planned.log(), ["Locations", "touch", "Locations", "ReloadWorkspace"]);
}

#[tokio::test(start_paused = true)]
async fn old_error_is_not_believed() {
    let mut now = failed("a", 1, BROKEN);
    let planned = Planned::new(move |operation| match operation {
        "ReloadLocation" => {
            now = loaded("a", 1);
            location(now.clone())
        }
        _ => workspace(&[now.clone()]),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    assert_eq!(planned.log(), ["Locations", "ReloadLocation", "Locations"]);
}

#[tokio::test(start_paused = true)]
async fn error_that_stays_is_reported_after_one_more_load() {
    let planned = Planned::new(|operation| match operation {
        "ReloadLocation" => location(failed("a", 1, BROKEN)),
        _ => workspace(&[failed("a", 1, BROKEN)]),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Failing { .. }), "{activated:?}");
    assert_eq!(planned.log(), ["Locations", "ReloadLocation", "Locations"]);
}

/// A webserver whose code server comes up after a while, and who finds that out when it is told to look or, if so, by itself.
fn coming_up(after: Duration, by_itself: fn() -> bool) -> Planned {
    let (start, mut seen) = (Instant::now(), false);
    Planned::new(move |operation| {
        seen |= start.elapsed() >= after && (operation == "ReloadLocation" || by_itself());
        let entry = if seen { loaded("a", 1) } else { failed("a", 1, UNREACHABLE) };
        if operation == "ReloadLocation" { location(entry) } else { workspace(&[entry]) }
    })
}

#[tokio::test(start_paused = true)]
async fn server_that_is_coming_up_is_waited_for() {
    for by_itself in [|| true, || false] {
        let planned = coming_up(Duration::from_secs(12), by_itself);
        let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
        assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_never_comes_up_fails() {
    let planned = coming_up(Duration::MAX, || false);
    let start = Instant::now();
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Failing { .. }), "{activated:?}");
    assert!(start.elapsed() >= Policy::default().coming_up);
    assert!(planned.count("ReloadLocation") <= 8, "{:?}", planned.log());
}

#[tokio::test(start_paused = true)]
async fn restarted_code_servers_are_loaded_again() {
    let names = ["a", "b"];
    let mut anew = 0;
    let planned = Planned::new(move |operation| match operation {
        "ReloadLocation" => {
            anew += 1;
            location(loaded("a", 1))
        }
        // The second is not up yet when it is loaded.
        _ if anew < 3 => workspace(&[loaded("a", 1), failed("b", 2, UNREACHABLE)]),
        _ => workspace(&[loaded("a", 1), loaded("b", 2)]),
    });
    let webservers = [planned.webserver.clone()];
    let activation = reload_locations(&webservers, &names, &Policy::default()).await;
    assert!(activation.is_complete(), "{activation:?}");
    let asked =
        ["Locations", "ReloadLocation", "ReloadLocation", "Locations", "Locations", "ReloadLocation", "Locations"];
    assert_eq!(planned.log(), asked);
}

#[tokio::test(start_paused = true)]
async fn failing_location_of_a_read_only_webserver_is_only_watched() {
    let planned = Planned::new(|operation| match operation {
        "Locations" => workspace(&[failed("a", 1, BROKEN)]),
        _ => unauthorized(),
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Failing { .. }), "{activated:?}");
    assert_eq!(planned.log(), ["Locations", "ReloadLocation", "Locations"]);
}

#[tokio::test(start_paused = true)]
async fn unreachable_webserver_is_lost_after_three_tries() {
    let replies = [
        Reply::Lost,
        Reply::Silence,
        status(503, "error trying to reach service: connection refused"),
        Reply::Status(502, "<html>".to_owned()),
        Reply::Status(429, "Too many requests".to_owned()),
    ];
    for reply in replies {
        let again = reply.clone();
        let planned = Planned::new(move |_| again.clone());
        let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
        let Outcome::Lost { error } = &activated.outcome else { panic!("{activated:?}") };
        let transient = matches!(error, ReloadError::Unreachable { .. } | ReloadError::Silent { .. });
        assert!(transient, "{reply:?}: {error:?}");
        assert_eq!(planned.log(), ["Locations"; 3], "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_asked_for_again() {
    for reply in [Reply::Lost, Reply::Silence, status(503, "no endpoints")] {
        let mut count = 0;
        let planned = Planned::new(move |_| {
            count += 1;
            if count % 3 == 0 { workspace(&[loaded("a", 1)]) } else { reply.clone() }
        });
        let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
        assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn losses_count_in_a_row() {
    let mut count = 0;
    let planned = Planned::new(move |_| {
        count += 1;
        match count {
            20.. => workspace(&[loaded("a", 1)]),
            even if even % 2 == 0 => workspace(&[loading("a", 1)]),
            _ => Reply::Lost,
        }
    });
    let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
    assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
}

#[tokio::test(start_paused = true)]
async fn reload_whose_answer_is_lost_was_carried_out() {
    for reply in [Reply::Lost, Reply::Silence] {
        let mut served = vec![];
        let planned = Planned::new(move |operation| match operation {
            "touch" => pod(),
            "ReloadWorkspace" => {
                served = vec![loaded("a", 1)];
                reply.clone()
            }
            _ => workspace(&served),
        });
        let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
        assert!(matches!(activated.outcome, Outcome::Serving { .. }), "{activated:?}");
        assert_eq!(activated.reloads, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_that_time_does_not_mend_end_at_once() {
    type Wanted = fn(&ReloadError) -> bool;
    let cases: [(Reply, Wanted); 5] = [
        (status(404, "pods \"web-0\" not found"), |error| matches!(error, ReloadError::Gone { .. })),
        (status(403, "pods \"web-0\" is forbidden"), |error| {
            matches!(error, ReloadError::Forbidden { verb: "create", resource: "pods/proxy", .. })
                && error.to_string().contains("may not create pods/proxy in namespace `dagster`")
        }),
        (status(400, "address not allowed"), |error| matches!(error, ReloadError::Refused { status: 400, .. })),
        (Reply::Status(401, "Unauthorized".to_owned()), |error| {
            matches!(error, ReloadError::Refused { status: 401, .. })
        }),
        (Reply::Status(200, "<!doctype html>".to_owned()), |error| matches!(error, ReloadError::NotDagster { .. })),
    ];
    for (reply, wanted) in cases {
        let again = reply.clone();
        let planned = Planned::new(move |_| again.clone());
        let activated = planned.activate(&expect(&[("a", 1)], &[])).await;
        let Outcome::Lost { error } = &activated.outcome else { panic!("{activated:?}") };
        assert!(wanted(error), "{reply:?}: {error:?}");
        assert_eq!(planned.log().len(), 1, "{reply:?}");
    }
}
