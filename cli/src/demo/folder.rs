//! The demo's folder: a lock, logs, process ids and the servers' data.
//!
//! **Invariant:** one demo per folder at a time, and a process that an earlier demo left behind is
//! ended before a new one starts, but only if its id still is that program.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a process that an earlier demo left behind may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The system keeps so many letters of a program's name.
const PROGRAM_NAME_LENGTH: usize = 15;

/// The folder, locked for as long as this lives.
pub struct Folder {
    root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder and locks it.
    ///
    /// # Errors
    /// When it cannot be made, or a demo already runs in it.
    pub fn claim(root: PathBuf) -> anyhow::Result<Self> {
        for folder in [root.join("logs"), root.join("pids")] {
            fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let path = root.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        if lock.try_lock().is_err() {
            let mut holder = String::new();
            lock.read_to_string(&mut holder)?;
            bail!(
                "a demo already runs here (process {}).\nEnd it with Ctrl-C where it runs, or: kill {0}",
                holder.trim()
            );
        }
        lock.set_len(0)?;
        lock.seek(SeekFrom::Start(0))?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { root, _lock: lock })
    }

    /// A path inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where the process of this name writes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// Where the process id of this name is kept.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.root.join("pids").join(name)
    }

    /// Ends what a killed demo left running. `programs` are pairs of a name and its program.
    ///
    /// # Errors
    /// When a process id cannot be forgotten.
    pub fn end_leftovers(&self, programs: &[(&str, &str)]) -> anyhow::Result<usize> {
        let mut ended = 0;
        for (name, program) in programs {
            let file = self.pid_file(name);
            let Some(pid) = read_pid(&file) else { continue };
            if runs(pid, program) {
                end_group(pid, program);
                ended += 1;
            }
            fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
        }
        Ok(ended)
    }
}

/// The last lines of a log, indented, for a message.
pub fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(count)..];
    last.iter().map(|line| format!("  | {line}\n")).collect()
}

fn read_pid(file: &Path) -> Option<Pid> {
    fs::read_to_string(file).ok()?.trim().parse().ok().map(Pid::from_raw)
}

/// Whether this process id is this program.
fn runs(pid: Pid, program: &str) -> bool {
    let Ok(shown) = Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output() else {
        return false;
    };
    let shown = String::from_utf8_lossy(&shown.stdout);
    let name = shown.trim().rsplit('/').next().unwrap_or_default();
    name == program.get(..PROGRAM_NAME_LENGTH).unwrap_or(program) || name == program
}

/// Asks the process and those it started to end, and ends them when they do not.
fn end_group(pid: Pid, program: &str) {
    let asked_at = Instant::now();
    // Errors of the signals say that they are gone, which is what we want. Looked up by name again,
    // because one that ended may stay in the table of processes until its parent takes note.
    let _ = killpg(pid, Signal::SIGTERM);
    while runs(pid, program) && asked_at.elapsed() < END_WITHIN {
        thread::sleep(Duration::from_millis(50));
    }
    let _ = killpg(pid, Signal::SIGKILL);
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;

    use super::*;

    fn sleeper() -> std::process::Child {
        Command::new("sleep")
            .arg("600")
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .expect("sleep is there")
    }

    #[test]
    fn a_second_demo_in_the_same_folder_is_refused_and_told_who_runs() {
        let place = tempfile::tempdir().expect("a folder");
        let _first = Folder::claim(place.path().to_owned()).expect("the folder is free");
        let error = Folder::claim(place.path().to_owned()).err().map(|error| error.to_string());
        assert!(error.unwrap_or_default().contains(&std::process::id().to_string()));
    }

    #[test]
    fn a_process_left_behind_is_ended() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(place.path().to_owned()).expect("the folder is free");
        let mut left_behind = sleeper();
        fs::write(folder.pid_file("worker"), left_behind.id().to_string()).expect("written");
        // Somebody has to take the exit status of a process whose parent still lives.
        let reaper = thread::spawn(move || left_behind.wait().expect("waited for"));
        assert_eq!(folder.end_leftovers(&[("worker", "sleep")]).expect("ended"), 1);
        assert!(!reaper.join().expect("reaped").success());
        assert!(!folder.pid_file("worker").exists());
    }

    #[test]
    fn a_process_id_that_is_another_program_by_now_is_left_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(place.path().to_owned()).expect("the folder is free");
        let mut stranger = sleeper();
        fs::write(folder.pid_file("worker"), stranger.id().to_string()).expect("written");
        assert_eq!(folder.end_leftovers(&[("worker", "waybill-worker")]).expect("looked"), 0);
        assert!(stranger.try_wait().expect("asked").is_none(), "it was ended");
        stranger.kill().expect("ended");
        stranger.wait().expect("waited for");
    }
}
