//! `ForceCommand shmon exec` under a real sshd on the loopback, as root.

mod pty;
mod system_host;

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use system_host::Host;

struct Sshd {
    folder: PathBuf,
    port: u16,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Sshd {
    /// A server of our own with the lines that `shmon init --system --ssh` writes; `None`, said aloud, where there is none.
    fn start(host: &Host) -> Option<Sshd> {
        let sshd = Path::new("/usr/sbin/sshd");
        if !sshd.exists() {
            println!("SKIPPED: sshd is not installed");
            return None;
        }
        let folder = host.folder.path().join("ssh");
        let package = host.folder.path().join("package");
        for path in [&folder, &package, &package.join("etc/ssh")] {
            std::fs::create_dir_all(path).expect("a folder");
        }
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("a mode");
        // Where sshd's process without rights lives.
        std::fs::create_dir_all("/run/sshd").expect("/run/sshd");
        let mut init = Command::new(&host.program);
        init.args(["init", "--system", "--ssh", "--root"]).arg(&package).env("HOME", &folder);
        assert!(init.stdout(Stdio::null()).status().expect("shmon").success());
        let lines =
            std::fs::read_to_string(package.join("etc/ssh/sshd_config.d/60-shmon.conf")).expect("lines");
        let lines = lines
            .replace("/usr/bin/shmon", &host.program.to_string_lossy())
            .replace("/var/lib/shmon", &host.home().to_string_lossy());
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.join(key))
                .status();
            assert!(made.expect("ssh-keygen").success());
        }
        std::fs::copy(folder.join("user.pub"), folder.join("authorized_keys")).expect("a copy");
        let at = folder.display();
        let config = format!(
            "HostKey {at}/host\nAuthorizedKeysFile {at}/authorized_keys\n\
             StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             Subsystem sftp internal-sftp\n{lines}"
        );
        let file = folder.join("sshd_config");
        std::fs::write(&file, config).expect("a configuration");
        let right = Command::new(sshd).arg("-t").arg("-f").arg(&file).output().expect("sshd");
        assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // One process a connection, as inetd has it: the port is ours from the start, and nobody else's in between.
        let server = std::thread::spawn(move || {
            let mut children = Vec::new();
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let stream = OwnedFd::from(stream.expect("a connection"));
                let mut command = Command::new(sshd);
                command.args(["-i", "-e", "-f"]).arg(&file).stderr(log.try_clone().expect("a log"));
                command.stdin(stream.try_clone().expect("a second handle")).stdout(stream);
                children.push(command.spawn().expect("sshd"));
            }
            for mut child in children {
                let _ = child.kill();
                let _ = child.wait();
            }
        });
        Some(Sshd { folder, port, stop, server: Some(server) })
    }

    fn client(&self, program: &str, port: &str) -> Command {
        let mut command = Command::new(program);
        command.arg(port).arg(self.port.to_string()).arg("-i").arg(self.folder.join("user")).args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]);
        command.stdin(Stdio::null());
        command
    }

    fn ssh(&self, command: &str) -> Output {
        self.client("ssh", "-p").args(["root@127.0.0.1", command]).output().expect("ssh")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

#[test]
fn what_ssh_scp_and_sftp_ask_for_is_recorded_and_done() {
    let Some(host) = Host::new("") else { return };
    let Some(sshd) = Sshd::start(&host) else { return };
    let output = sshd.ssh("echo 'one  two'; exit 3");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = std::fs::read_to_string(sshd.folder.join("log")).unwrap_or_default();
    assert_eq!((output.status.code(), said.as_str()), (Some(3), "one  two\n"), "{output:?}\n{log}");
    // It was committed before it ran.
    let rows = host.rows("echo 'one  two'; exit 3");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][1..3], ["0".to_owned(), "ssh-command".to_owned()]);
    assert!(rows[0][5].starts_with("127.0.0.1 "), "{rows:?}");

    let (from, to) = (sshd.folder.join("from"), sshd.folder.join("to"));
    std::fs::write(&from, "content").expect("a file");
    let target = format!("root@127.0.0.1:{}", to.display());
    for (options, recorded) in [(vec![], "internal-sftp"), (vec!["-O"], "scp -t %")] {
        let _ = std::fs::remove_file(&to);
        let copied = sshd.client("scp", "-P").args(&options).arg(&from).arg(&target).output().expect("scp");
        assert!(copied.status.success(), "{copied:?}");
        assert_eq!(std::fs::read_to_string(&to).expect("the copy"), "content");
        host.wait_for(recorded, 1);
    }
    let batch = sshd.folder.join("batch");
    std::fs::write(&batch, format!("rename {} {}.moved\n", to.display(), to.display())).expect("a batch");
    let moved = sshd.client("sftp", "-P").arg("-b").arg(&batch).arg("root@127.0.0.1").output().expect("sftp");
    assert!(moved.status.success() && !to.exists(), "{moved:?}");
    assert!(host.wait_for("internal-sftp", 2).len() >= 2);

    // A login shell comes as without us, and is none of this hook's.
    let mut login = sshd.client("ssh", "-p");
    let mut shell =
        login.arg("root@127.0.0.1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("ssh");
    std::io::Write::write_all(shell.stdin.as_mut().expect("its input"), b"echo $0; exit 5\n")
        .expect("a line");
    let output = shell.wait_with_output().expect("its end");
    assert_eq!((output.status.code(), output.stdout.first()), (Some(5), Some(&b'-')), "{output:?}");

    // Neither a recorder that hangs nor a program that is gone keeps anybody out.
    let recorder = rustix::process::Pid::from_child(host.recorder.as_ref().expect("a recorder"));
    rustix::process::kill_process(recorder, rustix::process::Signal::STOP).expect("our own process");
    assert_eq!(sshd.ssh("echo stopped; exit 6").status.code(), Some(6));
    rustix::process::kill_process(recorder, rustix::process::Signal::CONT).expect("our own process");
    host.wait_for("echo stopped; exit 6", 1);
    std::fs::remove_file(&host.program).expect("its removal");
    let output = sshd.ssh("echo 'without  it'; exit 7");
    assert_eq!((output.status.code(), output.stdout), (Some(7), b"without  it\n".to_vec()));
}
