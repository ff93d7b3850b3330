//! The prose linter: checks the language of documents and doc comments.
//!
//! A sentence has at most 25 words, does not begin with a pronoun that refers back, and has no vague
//! phrase. The doc comment of a function begins with a verb in the third person.

use std::fs;
use std::path::Path;

/// The longest sentence, in words.
const WORDS_MAX: usize = 25;

/// Phrases that hide who does what.
const VAGUE: &[&str] = &[
    "what is made",
    "to be had",
    "of one's own",
    "of its own",
    "there is",
    "whoever",
    "such a",
    "what it takes",
];

/// Words at the start of a sentence that refer back across a full stop.
const REFERS_BACK: &[&str] = &["It ", "They ", "That is ", "This is ", "These are "];

/// Words that end in `s`, stand first in doc comments, and are no verbs.
const NO_VERBS: &[&str] =
    &["always", "as", "bytes", "files", "its", "samples", "stages", "this", "values", "workers"];

/// Words with a full stop that ends no sentence.
const ABBREVIATIONS: &[&str] = &["e.g.", "i.e.", "vs."];

#[test]
fn documents_and_doc_comments_read_well() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    let documents = ["", "examples", "www/guide", "www/package"].map(|folder| (folder, ".md"));
    for (folder, end) in documents.into_iter().chain([("src", ".rs")]) {
        list(root, folder, end, &mut paths);
    }
    assert!(paths.len() > 100, "{} files", paths.len());
    let mut hits = Vec::new();
    for path in paths {
        let text = fs::read_to_string(root.join(&path)).unwrap();
        let found = if path.ends_with(".rs") { in_source(&text) } else { in_markdown(&text, 1) };
        hits.extend(found.into_iter().map(|(line, rule)| format!("{path}:{line}: {rule}")));
    }
    assert!(hits.is_empty(), "{} hits:\n{}", hits.len(), hits.join("\n"));
}

/// Lists the files whose names have this end: of a folder, and of all folders below `src`.
fn list(root: &Path, folder: &str, end: &str, paths: &mut Vec<String>) {
    let mut entries: Vec<_> =
        fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let path = entry.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        if entry.is_dir() && folder.starts_with("src") {
            list(root, &path, end, paths);
        } else if path.ends_with(end) {
            paths.push(path);
        }
    }
}

/// A line, and the rule that it breaks.
type Hit = (usize, String);

/// Checks the paragraphs of Markdown whose first line has this number.
fn in_markdown(text: &str, first: usize) -> Vec<Hit> {
    let check = |(line, text): (usize, String)| {
        sentences(&text).into_iter().flat_map(move |sentence| {
            faults_of(&sentence).into_iter().map(move |fault| (first + line, fault))
        })
    };
    paragraphs(text).into_iter().flat_map(check).collect()
}

/// Checks the doc comments of Rust source.
fn in_source(text: &str) -> Vec<Hit> {
    let (mut hits, lines) = (Vec::new(), text.lines().map(str::trim).collect::<Vec<_>>());
    let doc = |line: &str| {
        // Examples of a feature begin by an attribute, and those without it by another one.
        let fence =
            line.contains("doc = \"```").then(|| if line.contains("not(") { "" } else { "```" });
        let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).or(fence);
        text.filter(|text| !text.starts_with('/')).map(str::to_owned)
    };
    let mut at = 0;
    while at < lines.len() {
        let block: Vec<String> = lines[at..].iter().map_while(|line| doc(line)).collect();
        if block.is_empty() {
            at += 1;
            continue;
        }
        let (first, text) = (at + 1, block.join("\n"));
        at += block.len();
        hits.extend(in_markdown(&text, first));
        if is_function(&lines[at..])
            && let Some((line, text)) = paragraphs(&text).into_iter().next()
            && let word =
                text.split(|c: char| !c.is_alphanumeric() && c != '`').next().unwrap_or_default()
            && !is_verb(word)
        {
            hits.push((first + line, format!("{word:?} is no verb in the third person")));
        }
    }
    hits
}

/// Whether the item after a doc comment and its attributes is a function.
fn is_function(lines: &[&str]) -> bool {
    let mut depth = 0;
    let item = lines.iter().find(|line| {
        let attribute = depth > 0 || line.starts_with("#[");
        if attribute {
            depth += line.matches('[').count() as isize - line.matches(']').count() as isize;
        }
        !attribute && !line.is_empty()
    });
    let mut words = item.copied().unwrap_or_default().split_whitespace();
    let before = |word: &&str| {
        word.starts_with("pub")
            || word.ends_with(')')
            || ["async", "const", "default", "unsafe", "in"].contains(word)
    };
    words.find(|word| !before(word)) == Some("fn")
}

/// Whether a word can be a verb in the third person: a guess by its end.
fn is_verb(word: &str) -> bool {
    let word = word.to_lowercase();
    word.ends_with('s') && !word.ends_with("ss") && !NO_VERBS.contains(&&*word)
}

/// Splits Markdown into paragraphs, headings, items and cells, each with the number of its line from 0.
/// Code blocks and the targets of links are left out.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let (mut done, mut open, mut fenced) = (Vec::new(), None, false);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches("> ");
        let fence = line.starts_with("```");
        fenced ^= fence;
        let marker = ["- ", "* ", "+ "].iter().find_map(|marker| line.strip_prefix(marker));
        let numbered = line.split_once(". ").filter(|(n, _)| n.bytes().all(|b| b.is_ascii_digit()));
        let item = marker.or(numbered.map(|(_, rest)| rest));
        let apart = line.is_empty() || line.starts_with(['#', '|', '<']) || item.is_some();
        if apart || fence {
            done.extend(open.take());
        }
        if fence || fenced || line.is_empty() || line.starts_with('<') {
            continue;
        }
        if line.starts_with('#') {
            done.push((number, line.trim_start_matches('#').trim().to_owned()));
        } else if line.starts_with('|') {
            let cells = without_code(line);
            done.extend(cells.split('|').map(|cell| (number, cell.trim().to_owned())));
        } else {
            let (_, paragraph) = open.get_or_insert((number, String::new()));
            paragraph.push_str(item.unwrap_or(line));
            paragraph.push(' ');
        }
    }
    done.extend(open);
    done.into_iter().map(|(line, text)| (line, without_links(&without_code(&text)))).collect()
}

/// Puts one word in place of each piece of code.
fn without_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let words = parts.map(|(n, part)| if n % 2 == 0 { part } else { "`code`" });
    words.collect::<String>().replace("**", "")
}

/// Leaves the text of each link, without its target.
fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or("", |(_, after)| after));
    }
    plain.replace("![", "").replace(['[', ']'], "")
}

/// Splits a paragraph into its sentences.
fn sentences(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mut sentences, mut start) = (Vec::new(), 0);
    for (n, word) in words.iter().enumerate() {
        let stops = word.trim_end_matches([')', '"', '\'', '*', '_']).ends_with(['.', '?', '!']);
        let next = words.get(n + 1).copied().unwrap_or_default();
        let begins = |c: char| c.is_uppercase() || c.is_ascii_digit() || "`(\"*_".contains(c);
        let begins = next.is_empty() || next.starts_with(begins) || next.starts_with("windrow");
        if n + 1 == words.len() || (stops && begins && !ABBREVIATIONS.contains(word)) {
            sentences.push(words[start..=n].join(" "));
            start = n + 1;
        }
    }
    sentences
}

/// Finds the rules that a sentence breaks.
fn faults_of(sentence: &str) -> Vec<String> {
    let is_word = |word: &&str| word.contains(char::is_alphanumeric);
    let words: Vec<&str> = sentence.split_whitespace().filter(is_word).collect();
    let start = words[..words.len().min(6)].join(" ");
    let mut faults = Vec::new();
    if words.len() > WORDS_MAX {
        faults.push(format!("{} words in a sentence: {start} …", words.len()));
    }
    if REFERS_BACK.iter().any(|word| sentence.trim_start_matches('(').starts_with(word)) {
        faults.push(format!("a sentence refers back: {start} …"));
    }
    let letters = |c: char| if c.is_alphanumeric() || c == '\'' { c } else { ' ' };
    let lower = sentence.to_lowercase().replace('’', "'").chars().map(letters).collect::<String>();
    let lower = format!(" {} ", lower.split_whitespace().collect::<Vec<_>>().join(" "));
    let vague = VAGUE.iter().filter(|phrase| lower.contains(&format!(" {phrase} ")));
    faults.extend(vague.map(|phrase| format!("{phrase:?} is vague: {start} …")));
    faults
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let rules =
        |text: &str| in_markdown(text, 1).into_iter().map(|(line, rule)| format!("{line}: {rule}"));
    let first = |text: &str| rules(text).next().unwrap_or_default();
    let long = "word ".repeat(26);
    assert_eq!(
        first(&format!("A title\n\n{long}end.")),
        "3: 27 words in a sentence: word word word word word word …"
    );
    assert_eq!(
        first(&format!("| a | {long} |")),
        "1: 26 words in a sentence: word word word word word word …"
    );
    assert_eq!(first("- A worker ends. It says why."), "1: a sentence refers back: It says why. …");
    assert_eq!(first("They end."), "1: a sentence refers back: They end. …");
    assert_eq!(first("Note `this`. That is all."), "1: a sentence refers back: That is all. …");
    assert_eq!(
        first("Gives a\nbuffer, whoever asks."),
        "1: \"whoever\" is vague: Gives a buffer, whoever asks. …"
    );
    for phrase in VAGUE {
        assert!(first(&format!("Read ({phrase}) now.")).contains("is vague"), "{phrase}");
    }
    let source = "/// The next item.\n#[must_use = \"a\nb\"]\npub(in super::super) const fn next() {}\n//! It ends.";
    let found: Vec<_> = in_source(source).into_iter().map(|(line, _)| line).collect();
    assert_eq!(found, [1, 5]);
    for word in ["Return", "As", "Pass", "`code`", ""] {
        assert!(!is_verb(word), "{word}");
    }
}

#[test]
fn what_keeps_the_rules_passes() {
    let short = "word ".repeat(24);
    for text in [
        &*format!(
            "{short}end. Another one, e.g. this one.\n\n- {short}\n- {short}\n\n{short}\n\n{short}"
        ),
        &format!("```text\nIt ends.\n{short}{short}\n```\n\n| {short} | {short} |\n|---|---|"),
        &format!("[A link](https://example.org/whoever) `of {short}`."),
    ] {
        assert_eq!(in_markdown(text, 1), [], "{text}");
    }
    let source = "/// Returns the next item.\nfn next() {}\n\n/// An item.\nstruct Item;\n//// It is a line.";
    assert_eq!(in_source(source), []);
}
