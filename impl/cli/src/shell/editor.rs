//! Where do lines come from? A terminal, with a line editor that remembers and completes, or a pipe. Either is
//! read by a thread of its own: it waits for people, which the session's task must not.

use super::complete::{Candidate, Children, complete};
use quorate_client::Client;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, ExternalPrinter, Helper};
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Lines that the file of the history keeps.
const HISTORY_LINES: usize = 2000;

/// How long a completion waits for the servers.
const COMPLETION_LIMIT: Duration = Duration::from_secs(2);

/// A line, or why there is none.
pub(crate) type Line = Result<String, io::Error>;

/// What the editor is told before each line.
struct Prompt {
    plain: String,
    styled: String,
    client: Option<Client>,
}

/// The lines of standard input, as far as there are.
pub(crate) fn pipe() -> mpsc::Receiver<Line> {
    let (tell, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let failed = line.is_err();
            if tell.blocking_send(line).is_err() || failed {
                return;
            }
        }
    });
    lines
}

/// A line editor on the terminal.
pub(crate) struct Terminal {
    ask: std::sync::mpsc::Sender<Prompt>,
    lines: mpsc::Receiver<Line>,
    printer: Box<dyn FnMut(String) + Send>,
}

impl Terminal {
    /// Takes the terminal over.
    pub(crate) fn open(colours: bool) -> Result<Self, String> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)
            .map_err(|error| error.to_string())?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .color_mode(match colours {
                true => ColorMode::Enabled,
                false => ColorMode::Disabled,
            })
            .build();
        let mut editor: Editor<Words, FileHistory> =
            Editor::with_config(config).map_err(|error| error.to_string())?;
        editor.set_helper(Some(Words {
            client: None,
            runtime: Handle::current(),
        }));
        let history = history_file();
        if let Some(file) = &history {
            // The first time there is none.
            let _ = editor.load_history(file);
        }
        let mut printer = editor
            .create_external_printer()
            .map_err(|error| error.to_string())?;
        let (ask, asked) = std::sync::mpsc::channel();
        let (tell, lines) = mpsc::channel(1);
        std::thread::spawn(move || edit(&mut editor, history.as_ref(), &asked, &tell));
        Ok(Self {
            ask,
            lines,
            printer: Box::new(move |words| drop(printer.print(words))),
        })
    }

    /// Begins a line; [`Self::line`] waits for it.
    pub(crate) fn prompt(&self, plain: String, styled: String, client: Option<Client>) {
        let _ = self.ask.send(Prompt {
            plain,
            styled,
            client,
        });
    }

    /// The line, when it is typed; `None` at the end of all lines.
    pub(crate) async fn line(&mut self) -> Option<Line> {
        self.lines.recv().await
    }

    /// Prints words above the line that is being typed.
    pub(crate) fn print(&mut self, words: &str) {
        (self.printer)(format!("{words}\n"));
    }
}

fn edit(
    editor: &mut Editor<Words, FileHistory>,
    history: Option<&PathBuf>,
    asked: &std::sync::mpsc::Receiver<Prompt>,
    tell: &mpsc::Sender<Line>,
) {
    while let Ok(prompt) = asked.recv() {
        if let Some(words) = editor.helper_mut() {
            words.client = prompt.client;
        }
        let line = loop {
            match editor.readline(&(prompt.plain.as_str(), prompt.styled.as_str())) {
                // Ctrl-C leaves the line, not the shell.
                Err(ReadlineError::Interrupted) => {}
                other => break other,
            }
        };
        let line = match line {
            Ok(line) => Ok(line),
            Err(ReadlineError::Eof) => return,
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        if let Ok(line) = &line
            && is_worth_keeping(line)
            && editor.add_history_entry(line.as_str()).unwrap_or(false)
            && let Some(file) = history
        {
            // Remembering is a courtesy: without a home there is none.
            let _ = editor.append_history(file);
        }
        if tell.blocking_send(line).is_err() {
            return;
        }
    }
}

/// Secrets are not written to files.
fn is_worth_keeping(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("addauth")
}

/// `$XDG_STATE_HOME/quorate/shell_history`, in a directory that is there.
fn history_file() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local").join("state")))?;
    let dir = state.join("quorate");
    std::fs::create_dir_all(&dir).ok()?;
    Some(dir.join("shell_history"))
}

/// What the editor knows of commands and znodes.
struct Words {
    client: Option<Client>,
    runtime: Handle,
}

impl Children for Words {
    fn of(&self, path: &str) -> Vec<String> {
        let Some(client) = &self.client else {
            return Vec::new();
        };
        let asked = async { tokio::time::timeout(COMPLETION_LIMIT, client.children(path, false)).await };
        match self.runtime.block_on(asked) {
            Ok(Ok((mut children, _))) => {
                children.sort();
                children
            }
            _ => Vec::new(),
        }
    }

    fn any(&self, path: &str) -> bool {
        !self.of(path).is_empty()
    }
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = complete(&line[..pos], self);
        let pair = |Candidate { shown, written }| Pair {
            display: shown,
            replacement: written,
        };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::is_worth_keeping;

    #[test]
    fn passwords_are_not_remembered() {
        assert!(is_worth_keeping("ls /"));
        assert!(!is_worth_keeping(" addauth digest joe:secret"));
        assert!(!is_worth_keeping("  "));
    }
}
