//! Tidiness of the text in the repository: length, blanks, open ends, leftovers of merges, invisible characters.

use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{process, repo};

/// A source file longer than this has no one subject any more.
pub(crate) const LINES_MAX: usize = 800;
/// A source file longer than this is told of.
pub(crate) const LINES_WISHED: usize = 400;
/// A text file larger than this is data that does not belong here.
const BYTES_MAX: usize = 1 << 20;

/// Endings of what people write as source.
const SOURCE: &[&str] = &["rs", "ts", "tsx", "js", "mjs", "css", "proto", "sh", "rb", "py", "sql"];
/// Written by a program, or a standard text: not ours to format.
const FOREIGN: &[&str] = &["Cargo.lock", "LICENSE-APACHE", "package-lock.json", "pnpm-lock.yaml"];
/// Endings that hold bytes rather than text.
const BYTES: &[&str] = &["bin", "png", "webp", "ico", "woff2", "zst", "gz", "pem", "der", "golden"];

/// Words that say that a piece of work is not done. Cut in two, so that this file does not contain them.
const OPEN_ENDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
/// Folders that exist on one person's machine only.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Use", "rs/")];

/// The text files of the repository.
#[derive(Debug)]
pub(crate) struct Text {
    files: Vec<(String, String)>,
    unreadable: Vec<String>,
}

impl Text {
    /// Reads every file that git has or would take.
    ///
    /// # Errors
    /// git is not there or the folder is not a repository.
    pub(crate) fn read() -> Result<Text> {
        let mut command = process::command(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let names = process::output(command.current_dir(repo::root()))?;
        let mut text = Text { files: Vec::new(), unreadable: Vec::new() };
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            let path = repo::root().join(name);
            let kept = !FOREIGN.contains(&file_name(name)) && !BYTES.contains(&ending(name));
            // A file that is in the index but not in the folder is being removed; a link is what it points to.
            if !kept || !path.is_file() || path.is_symlink() {
                continue;
            }
            match String::from_utf8(fs::read(&path).with_context(|| name.to_owned())?) {
                Ok(content) => text.files.push((name.to_owned(), content)),
                Err(_) => text.unreadable.push(name.to_owned()),
            }
        }
        Ok(text)
    }

    /// Everything that is untidy.
    pub(crate) fn findings(&self) -> Vec<String> {
        let mut findings: Vec<String> = self.unreadable.iter().map(|name| format!("{name}: not UTF-8")).collect();
        for (name, content) in &self.files {
            findings.extend(file_findings(name, content));
            findings.extend(content.lines().enumerate().flat_map(|(at, line)| {
                line_findings(name, line).into_iter().map(move |finding| format!("{name}:{}: {finding}", at + 1))
            }));
        }
        findings
    }

    /// Source files that are longer than one would like.
    pub(crate) fn long_files(&self) -> Vec<(&str, usize)> {
        let sources = self.files.iter().filter(|(name, _)| is_source(name));
        let lengths = sources.map(|(name, content)| (name.as_str(), content.lines().count()));
        lengths.filter(|(_, lines)| (LINES_WISHED + 1..=LINES_MAX).contains(lines)).collect()
    }
}

fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn ending(name: &str) -> &str {
    file_name(name).rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn is_source(name: &str) -> bool {
    // Scripts and the Vagrantfile have no ending.
    SOURCE.contains(&ending(name)) || (ending(name).is_empty() && !file_name(name).starts_with("LICENSE"))
}

fn file_findings(name: &str, content: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = content.lines().count();
    if is_source(name) && lines > LINES_MAX {
        findings.push(format!("{name}: {lines} lines, more than {LINES_MAX}"));
    }
    if content.len() > BYTES_MAX {
        findings.push(format!("{name}: {} bytes, more than {BYTES_MAX}", content.len()));
    }
    if !content.is_empty() && (!content.ends_with('\n') || content.ends_with("\n\n")) {
        findings.push(format!("{name}: must end with exactly one line break"));
    }
    findings
}

fn line_findings(name: &str, line: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if line.ends_with([' ', '\t']) {
        findings.push("blank at the end of the line".to_owned());
    }
    if line.contains('\t') {
        findings.push("tab".to_owned());
    }
    if ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker)) {
        findings.push("mark of an unfinished merge".to_owned());
    }
    if let Some(bad) = line.chars().find(|c| *c != '\t' && is_invisible(*c)) {
        findings.push(format!("invisible character U+{:04X}", u32::from(bad)));
    }
    if is_source(name) || ending(name) == "toml" {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric());
        findings.extend(words.filter(|word| OPEN_ENDS.contains(word)).map(|word| format!("open end: {word}")));
    }
    if HOMES.iter().any(|home| line.contains(home)) {
        findings.push("a folder of one person's machine".to_owned());
    }
    findings
}

/// Controls, and the marks that reorder or hide text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[derive(Deserialize)]
struct Manifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    dependencies: toml::Table,
}

/// Dependencies of the workspace without a line in `docs/dependencies.md`, and lines without a dependency.
///
/// # Errors
/// One of the two files cannot be read.
pub(crate) fn undocumented_dependencies() -> Result<Vec<String>> {
    let manifest: Manifest = toml::from_str(&read("Cargo.toml")?).context("Cargo.toml")?;
    let page = read("docs/dependencies.md")?;
    let (page, of_console) =
        page.split_once(CONSOLE_HEAD).context("docs/dependencies.md has no part of the console")?;
    let told: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let foreign = manifest.workspace.dependencies.iter().filter(|(_, spec)| spec.get("path").is_none());
    let used: Vec<&str> = foreign.map(|(name, _)| name.as_str()).collect();
    let missing = used.iter().filter(|name| !told.contains(name)).map(|name| format!("{name}: no line"));
    let stale = told.iter().filter(|name| !used.contains(name)).map(|name| format!("{name}: not a dependency"));
    Ok(missing.chain(stale).chain(undocumented_packages(of_console)?).collect())
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(repo::root().join(name)).with_context(|| name.to_owned())
}

/// Where the packages of the console begin in the page.
const CONSOLE_HEAD: &str = "## The console";

/// Packages that a browser gets, of `ui/package.json`, that the page's part of the console does not name.
fn undocumented_packages(page: &str) -> Result<Vec<String>> {
    let manifest: serde_json::Value = serde_json::from_str(&read("ui/package.json")?).context("ui/package.json")?;
    let packages = manifest["dependencies"].as_object().context("ui/package.json has no dependencies")?;
    // Fonts are one kind of thing from one place.
    let told = |name: &str| page.contains(&format!("`{name}`")) || name.starts_with("@fontsource-variable/");
    Ok(packages.keys().filter(|name| !told(name)).map(|name| format!("{name}: no line")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the repository is tidy.
    #[test]
    fn the_repository_is_tidy() {
        assert_eq!(Text::read().unwrap().findings(), Vec::<String>::new());
    }

    /// Goal: every dependency has its line in the page, and no line is left over.
    #[test]
    fn dependencies_are_documented() {
        assert_eq!(undocumented_dependencies().unwrap(), Vec::<String>::new());
    }

    /// Goal: each rule about lines finds what it is for, and leaves good lines alone. Method: a table.
    #[test]
    fn untidy_lines_are_found() {
        let open = format!("// {}: later", concat!("TO", "DO"));
        for (name, line, finding) in [
            ("a.rs", "let x = 1; ", Some("blank at the end of the line")),
            ("a.rs", "\tlet x", Some("tab")),
            ("a.md", ">>>>>>> theirs", Some("mark of an unfinished merge")),
            ("a.md", "a\u{202E}b", Some("invisible character U+202E")),
            ("a.md", "a\rb", Some("invisible character U+000D")),
            ("a.rs", open.as_str(), Some(concat!("open end: TO", "DO"))),
            ("ops/demo", open.as_str(), Some(concat!("open end: TO", "DO"))),
            ("a.md", open.as_str(), None),
            ("a.rs", concat!("let mut", "ex", "XX", "X: u8"), None),
            ("a.sh", concat!("cd /ro", "ot/x"), Some("a folder of one person's machine")),
            ("a.rs", "// naïve → fine", None),
            ("a.md", "=======", None),
        ] {
            assert_eq!(line_findings(name, line), finding.into_iter().collect::<Vec<_>>(), "{line:?}");
        }
    }

    /// Goal: length and the end of a file are judged, and only source is held to a length.
    #[test]
    fn untidy_files_are_found() {
        let long = "x\n".repeat(LINES_MAX + 1);
        assert_eq!(file_findings("a.rs", &long).len(), 1);
        assert_eq!(file_findings("a.md", &long), Vec::<String>::new());
        assert_eq!(file_findings("a.rs", "x").len(), 1);
        assert_eq!(file_findings("a.rs", "x\n\n").len(), 1);
        assert_eq!(file_findings("a.rs", "x\n"), Vec::<String>::new());
        assert_eq!(file_findings("a.rs", ""), Vec::<String>::new());
        let text = Text { files: vec![("a.rs".to_owned(), "x\n".repeat(LINES_WISHED + 1))], unreadable: vec![] };
        assert_eq!(text.long_files(), [("a.rs", LINES_WISHED + 1)]);
    }
}
