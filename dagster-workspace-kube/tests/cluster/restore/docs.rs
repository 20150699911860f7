//! The commands that `docs/history.md` shows for a cluster do what it says.

use super::kept::Kept;

const HISTORY: &str = include_str!("../../../../docs/history.md");

/// The commands of a section, one a line, without comments.
fn commands(section: &str) -> Vec<&'static str> {
    let (_, rest) = HISTORY.split_once(&format!("\n## {section}\n")).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("dagster-workspace "));
    lines.map(|line| line.split(" #").next().unwrap().trim_end()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_the_docs_restore_and_roll_back() {
    let Some(kept) = Kept::new(4).await else { return };
    let base = kept.system_values();
    for tag in 1..=41 {
        let only = if tag == 41 { &[][..] } else { &["--only", "documents"] };
        let image = format!("r/etl:{tag}");
        let change = if tag == 1 {
            ["add", "etl", "--image", &image, "--arg=-m"].to_vec()
        } else {
            vec!["set-image", "etl", &image]
        };
        kept.done(&[&change[..], only].concat()).await;
    }
    let then = kept.documents().await;
    kept.done(&["add", "sales", "--image", "r/sales:1", "--arg=-m"]).await;
    let (restores, rollbacks) = (commands("Restore"), commands("Rollback"));
    assert_eq!((restores.len(), rollbacks.len()), (4, 4));
    let run = async |command: &str, more: &[&str]| {
        let words = command.split_whitespace().skip(1).map(|word| match word {
            "dagster" => kept.system.namespace.name.clone(),
            "base.yaml" => base.clone(),
            "plan.json" => kept.object("../plan.json").display().to_string(),
            word => word.to_owned(),
        });
        let arguments: Vec<String> = words.chain(more.iter().map(|word| (*word).to_owned())).collect();
        let place = kept.place();
        let said = kept
            .run_otherwise(&["--namespace"], &arguments, |command| command.env("DAGSTER_WORKSPACE_HISTORY", place))
            .await;
        assert_eq!(said.exit, 0, "{command}: {said:#?}");
    };
    for command in &rollbacks {
        run(command, &[]).await;
    }
    assert_eq!(kept.documents().await, then, "revision 41");

    kept.system.namespace.delete_all().await;
    let chart = testing::system_chart().display().to_string();
    let system = ["--system-chart", chart.as_str()];
    let (documents, others): (Vec<&&str>, Vec<&&str>) =
        restores.iter().partition(|line| line.contains("--only documents"));
    for command in documents {
        run(command, &[]).await;
        assert_eq!((kept.documents().await, kept.releases().len()), (then.clone(), 0));
    }
    for command in others {
        run(command, &system).await;
    }
    assert_eq!((kept.documents().await, kept.releases().len()), (then, 2));
}
