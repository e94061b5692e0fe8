//! The example's files, as they are in the repository, written where the demo plays.

use std::{fs, io, path::Path};

/// Path and text of each file.
const FILES: [(&str, &str); 10] = [
    ("schema/towpath.json", include_str!("../../../../examples/notice-board/schema/towpath.json")),
    ("schema/environment.json", include_str!("../../../../examples/notice-board/schema/environment.json")),
    ("towpath.yaml", include_str!("../../../../examples/notice-board/towpath.yaml")),
    ("README.md", include_str!("../../../../examples/notice-board/README.md")),
    ("environments/base.yaml", include_str!("../../../../examples/notice-board/environments/base.yaml")),
    ("environments/development.yaml", include_str!("../../../../examples/notice-board/environments/development.yaml")),
    ("environments/staging.yaml", include_str!("../../../../examples/notice-board/environments/staging.yaml")),
    ("environments/production.yaml", include_str!("../../../../examples/notice-board/environments/production.yaml")),
    ("app/board.html", include_str!("../../../../examples/notice-board/app/board.html")),
    ("app/notices.txt", include_str!("../../../../examples/notice-board/app/notices.txt")),
];

/// Writes the project.
pub(super) fn write(root: &Path) -> io::Result<()> {
    for (path, text) in FILES {
        let path = root.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Changes the page to say which release it is of.
pub(super) fn set_version(root: &Path, version: &str) -> io::Result<()> {
    let page = include_str!("../../../../examples/notice-board/app/board.html");
    fs::write(root.join("app/board.html"), page.replace("notice board 1.0", &format!("notice board {version}")))
}

/// Sets where an environment mails notices; says whether the file had a place for it.
pub(super) fn set_mail(root: &Path, environment: &str, url: &str) -> io::Result<()> {
    let path = root.join(format!("environments/{environment}.yaml"));
    let text = fs::read_to_string(&path)?;
    let kept: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("MAIL_URL:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let text = if kept.contains("\nvariables:\n") {
        kept.replace("\nvariables:\n", &format!("\nvariables:\n  MAIL_URL: {url}\n"))
    } else {
        format!("{kept}variables:\n  MAIL_URL: {url}\n")
    };
    fs::write(path, text)
}
