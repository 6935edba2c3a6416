import Foundation
import Testing

private let isRoot = geteuid() == 0
private let needsRoot: Comment = "needs root to make namespaces"
private let ordinaryUser = "65534"

/// Services in a sandbox, looked at from inside.
@Suite("Sandboxes of services", .serialized)
struct SandboxTests {
    /// Runs a script once in a sandbox, and returns the lines that it has written.
    private func lines(_ host: TestHost, _ fields: [String], _ script: String) async throws -> [String] {
        let indented = script.split(separator: "\n").map { "      \($0)" }
        let manifest =
            ["kind: Service", "name: web", "actions:", "  - name: main", "    script: |"] + indented
            + fields.map { "    \($0)" }
        try host.writeManifest("web.yaml", manifest.joined(separator: "\n") + "\n")
        try await host.apply()
        return try await host.run("logs", "web").output.split(separator: "\n").map(String.init)
    }

    /// A shell function that writes its first argument and whether the rest, as a command, succeeds.
    private static let attempt =
        "try() { name=$1; shift; \"$@\" >/dev/null 2>&1 && echo $name yes || echo $name no; }\n"

    /// A directory that every user can enter, with a hidden directory, a hidden file and a writable directory.
    private func makeDirectories(_ host: TestHost) throws -> String {
        let directory = "\(host.root)/files"
        chmod(host.root, 0o711)
        for path in [directory, "\(directory)/open", "\(directory)/hidden"] {
            mkdir(path, 0o777)
            chmod(path, 0o777)
        }
        for path in ["secret", "hidden/secret", "plain"] {
            try Data("secret".utf8).write(to: URL(fileURLWithPath: "\(directory)/\(path)"))
            chmod("\(directory)/\(path)", 0o666)
        }
        return directory
    }

    @Test(
        "A program reads and writes only what its sandbox allows",
        .enabled(if: isRoot, needsRoot),
        arguments: ["user: \"\(ordinaryUser)\"", "capabilities: []", "user: root"]
    )
    func files(rights: String) async throws {
        try await TestHost.with { host in
            let directory = try makeDirectories(host)
            let written = try await lines(
                host,
                [
                    rights, "cwd: \(directory)",
                    "sandbox: {read_only: true, writable: [\(directory)/open], hide: [\(directory)/hidden,"
                        + " \(directory)/secret, /does/not/exist]}",
                ],
                Self.attempt + """
                    try plain cat plain
                    try open touch open/file
                    try change sh -c 'echo more >> plain'
                    try create touch new
                    try usr touch /usr/new
                    try tmp touch /tmp/new
                    try shm touch /dev/shm/hp-$$ && rm -f /dev/shm/hp-$$
                    try secret cat secret
                    try overwrite sh -c 'echo more > secret'
                    try hidden ls hidden
                    try inside cat hidden/secret
                    """
            )
            #expect(
                written
                    == [
                        "plain yes", "open yes", "change no", "create no", "usr no", "tmp no", "shm yes", "secret no",
                        "overwrite no", "hidden no", "inside no",
                    ].map { rights == "user: root" && $0 == "hidden no" ? "hidden yes" : $0 }
            )
            #expect(FileManager.default.fileExists(atPath: "\(directory)/open/file"))
            #expect(host.readText("\(directory)/secret") == "secret")
            try await host.expectEmptyDiff()
        }
    }

    @Test(
        "A program of an ordinary user or of limited root cannot leave its sandbox",
        .enabled(if: isRoot, needsRoot),
        arguments: ["user: \"\(ordinaryUser)\"", "capabilities: []"]
    )
    func escapes(rights: String) async throws {
        try await TestHost.with { host in
            let directory = try makeDirectories(host)
            try FileManager.default.copyItem(atPath: "/usr/bin/id", toPath: "\(directory)/id")
            chmod("\(directory)/id", 0o4755)
            let written = try await lines(
                host,
                [rights, "sandbox: {read_only: true, private_tmp: true, hide: [/usr/games, \(directory)/hidden]}"],
                Self.attempt + """
                    try mount mount -t tmpfs none /mnt
                    try remount mount -o remount,bind,rw /
                    try unmount umount /tmp
                    try root ls /proc/1/root/
                    try trace cat /proc/1/environ
                    try enter nsenter -t 1 -m true
                    try own_root ls /proc/self/root/etc
                    echo user $(id -u)
                    for file in /proc/$$/fd/*; do readlink $file; done | grep -cv -e ^pipe: -e ^/dev/null
                    """
            )
            #expect(
                written.prefix(7) == [
                    "mount no", "remount no", "unmount no", "root no", "trace no", "enter no", "own_root yes",
                ]
            )
            // The lock, and the script that the shell reads.
            #expect(written.suffix(1) == ["2"])
            let files = try await lines(
                host,
                [rights, "cwd: \(directory)", "sandbox: {read_only: true}"],
                "./id -u\nkill -0 1 2>/dev/null && echo signal || echo no signal"
            )
            let isRootUser = rights == "capabilities: []"
            #expect(files == (isRootUser ? ["0", "signal"] : [ordinaryUser, "no signal"]))
        }
    }

    @Test("Mounts of a program do not reach the machine", .enabled(if: isRoot, needsRoot))
    func propagation() async throws {
        try await TestHost.with { host in
            let directory = try makeDirectories(host)
            let written = try await lines(
                host,
                ["sandbox: {hide: [/usr/games]}", "env: {DIR: \(directory)/open}"],
                "mount -t tmpfs none $DIR && touch $DIR/inside && ls $DIR"
            )
            #expect(written == ["inside"])
            #expect(!host.readText("/proc/self/mountinfo").contains(directory))
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory)/open").isEmpty)
        }
    }

    @Test("A program without network has only a loopback of its own", .enabled(if: isRoot, needsRoot))
    func network() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let listener = try ForeignProcess("listen", "\(port)")
            defer { kill(listener.pid, SIGKILL) }
            try await eventually("a process outside listens") { isListening(port) }
            let written = try await lines(
                host,
                ["user: \"\(ordinaryUser)\"", "interpreter: perl", "sandbox: {no_network: true}"],
                """
                use IO::Socket::INET;
                open(DEVICES, "/proc/net/dev");
                while (<DEVICES>) { print "$1\\n" if /(\\w+):/ }
                my $outside = IO::Socket::INET->new(PeerAddr => "127.0.0.1:\(port)");
                print $outside ? "connected\\n" : "not connected\\n";
                my $own = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:\(port)") or die;
                print IO::Socket::INET->new(PeerAddr => "127.0.0.1:\(port)") ? "own\\n" : "none\\n";
                """
            )
            #expect(written == ["lo", "not connected", "own"])
        }
    }

    @Test(
        "Notify socket, log, script and probe commands work inside a sandbox",
        .enabled(if: isRoot, needsRoot)
    )
    func inside() async throws {
        try await TestHost.with { host in
            chmod(host.root, 0o711)
            let all = "{read_only: true, private_tmp: true, hide: [/root], no_network: true}"
            let web = """
                kind: Service
                name: web
                user: "\(ordinaryUser)"
                sandbox: \(all)
                script: |
                  echo started > /dev/stdout
                  touch /tmp/alive
                  perl -MSocket -e 'socket(S, PF_UNIX, SOCK_DGRAM, 0); sleep 1
                    until send(S, "READY=1", 0, sockaddr_un($ENV{NOTIFY_SOCKET}))'
                  exec sleep 1000
                ready: {notify: true}
                health: {exec: [sh, -c, "test -e /tmp/alive && echo yes > /tmp/probed"], interval: 20ms}
                ---
                kind: Service
                name: db
                user: "\(ordinaryUser)"
                sandbox: \(all)
                script: |
                  touch /tmp/alive
                  exec sleep 1000
                ready: {exec: [test, -e, /tmp/alive], interval: 20ms}
                """
            try host.writeManifest("web.yaml", web)
            try await host.apply()
            #expect(try await host.run("logs", "web").output == "started\n")
            let jobs = try await host.run("jobs", "--service", "web", "-o", "json").json["jobs"] as? [[String: Any]]
            let pid = try #require(jobs?.first?["pid"] as? Int)
            try await eventually("the health probe ran inside") {
                host.readText("/proc/\(pid)/root/tmp/probed") == "yes\n"
            }
            #expect(!FileManager.default.fileExists(atPath: "/tmp/probed"))
            try await host.expectEmptyDiff()
            let doctor = try await host.run("doctor").output
            #expect(doctor.contains("2 of 2 actions have a sandbox"), "\(doctor)")
        }
    }

    @Test("A machine that cannot make a sandbox refuses the start and reports the reason")
    func refused() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "sandbox: {private_tmp: true}"))
            let entry = isRoot ? ["setpriv", "--bounding-set=-sys_admin"] : []
            #expect(try await host.run(["apply"], through: entry).exitCode == 1)
            let text = "cannot set up the sandbox: namespaces: Operation not permitted"
            let why = try await host.run("why", "web").output
            #expect(why.contains(text + (isRoot ? "" : "; only root may do that")), "\(why)")
            #expect(try await host.run("logs", "web").output.isEmpty)
        }
    }

    @Test("A missing writable path is a failed start that names it", .enabled(if: isRoot, needsRoot))
    func missingPath() async throws {
        try await TestHost.with { host in
            let sandbox = "sandbox: {read_only: true, writable: [/etc, /does/not/exist]}"
            try host.declare("web", actions: .process("sleep -1", sandbox))
            #expect(try await host.run("apply").exitCode == 1)
            let text = "cannot set up the sandbox: writable /does/not/exist: No such file or directory"
            let why = try await host.run("why", "web").output
            #expect(why.contains(text), "\(why)")
        }
    }
}
