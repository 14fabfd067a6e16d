//! Do the documents hang together? Every page is listed, every link within the repository leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the suites are in the repository")
        .to_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

/// Markdown files below `dir`.
fn pages(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|why| panic!("{}: {why}", dir.display()));
    let mut pages: Vec<_> = entries
        .map(|entry| entry.expect("a directory can be listed").path())
        .flat_map(|path| if path.is_dir() { pages(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}

/// The lines of a page that are not in a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// Where the links of a page lead: what stands between `](` and `)`, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        // Every other piece between backquotes is code.
        let spoken: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let ends = spoken.split("](").skip(1);
        links.extend(ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    links
}

/// The anchors that GitHub and mdBook give to a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter => letter.is_alphanumeric().then_some(letter),
        });
        let anchor: String = kept.collect();
        // Headings of the same words are told apart by a number.
        let again = (1..).map(|count| format!("{anchor}-{count}"));
        let free = [anchor.clone()]
            .into_iter()
            .chain(again)
            .find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
        plain
    })
}

/// What is wrong with a link of `page`, if it leads into the repository.
fn fault(page: &Path, link: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
    {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        plain(&page.parent().expect("a file is in a directory").join(file))
    };
    let says = |what: &str| Some(format!("{}: {link}: {what}", page.display()));
    if !target.exists() {
        return says("leads nowhere");
    }
    if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
        return says("no heading is called so");
    }
    None
}

#[test]
fn every_link_within_the_documents_leads_somewhere() {
    let root = root();
    let mut all = pages(&root.join("docs"));
    all.extend([root.join("README.md"), root.join("traces/README.md")]);
    let mut followed = 0;
    let mut faults = Vec::new();
    for page in &all {
        let links = links(&read(page));
        followed += links.len();
        faults.extend(links.iter().filter_map(|link| fault(page, link)));
    }
    assert_eq!(faults, Vec::<String>::new());
    assert!(followed >= all.len(), "{followed} links in {} pages", all.len());
}

#[test]
fn the_summary_lists_every_page_of_the_documents() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let listed: BTreeSet<_> = links(&read(&summary))
        .iter()
        .map(|link| plain(&docs.join(link)))
        .collect();
    let missing: Vec<_> = pages(&docs)
        .into_iter()
        .filter(|page| *page != summary && !listed.contains(page))
        .collect();
    assert_eq!(missing, Vec::<PathBuf>::new());
}

#[test]
fn the_workflow_is_shown_as_it_is() {
    let docs = root().join("docs");
    let workflow = read(&docs.join("examples/quorate.yml"));
    let shown = format!("```yaml\n{workflow}```\n");
    assert!(
        read(&docs.join("ci.md")).contains(&shown),
        "docs/ci.md shows another workflow than docs/examples/quorate.yml"
    );
}

#[test]
fn links_and_anchors_are_read_as_they_are_shown() {
    let text = "# What: `kill -9`, lost\n[a](b.md#c) and `[no](link)`\n```\n# no heading\n[no](link)\n```\n## What: `kill -9`, lost\n[d](e)";
    assert_eq!(links(text), ["b.md#c", "e"]);
    let shown = anchors(text);
    assert_eq!(
        shown,
        ["what-kill--9-lost", "what-kill--9-lost-1"]
            .map(str::to_owned)
            .into()
    );
}
