import Foundation
import Glibc
import HeroLinux
import Testing

/// A separate file system for the state directory in its own mount namespace.
private struct StateDisk {
    let host: TestHost
    let holder: RunningCommand

    /// The command that runs a program in the namespace.
    var entryCommand: [String] { ["nsenter", "-m", "-t", "\(holder.pid)"] }
    /// The path of the state directory from outside of the namespace.
    var stateDirectory: String { "/proc/\(holder.pid)/root\(host.stateDirectory)" }

    /// Creates the namespace; the script mounts a file system at `$1`.
    init(_ host: TestHost, _ script: String) async throws {
        mkdir(host.stateDirectory, 0o700)
        self.host = host
        let text = "mount --make-rprivate / && \(script) && touch \"$1/.mounted\" && exec sleep 100000"
        holder = try host.start(["-c", text, "sh", host.stateDirectory], program: "sh", through: ["unshare", "-m"])
        let state = "/proc/\(holder.pid)/root\(host.stateDirectory)"
        try await eventually("the file system is mounted") { access(state + "/.mounted", F_OK) == 0 }
    }

    func run(_ arguments: String...) async throws -> CommandResult {
        try await host.run(arguments, through: entryCommand)
    }

    /// Runs a shell command in the namespace.
    func runShell(_ text: String) async throws -> Int32 {
        try await host.exitCode(of: try host.start(["-c", text], program: "sh", through: entryCommand))
    }

    var databaseStatus: [String: Any] {
        get async throws { try await run("status", "-o", "json").json["database"] as? [String: Any] ?? [:] }
    }

    /// Stops all services and removes the file system.
    func tearDown() async throws {
        let result = try await run("down", "--all")
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
        try await eventually("no reconciler runs in the namespace") {
            try await runShell("test ! -e \"\(host.paths.controlSocket)\"") == 0
        }
        kill(holder.pid, SIGKILL)
        _ = try await host.exitCode(of: holder)
        rmdir(host.stateDirectory)
    }
}

private let canMount =
    geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/nsenter", X_OK) == 0
    && runShell("/usr/bin/unshare -m sh -c 'mount -t tmpfs tmpfs /mnt && mount -t tmpfs tmpfs /tmp'") == 0

@Suite("A full or broken disk", .serialized, .enabled(if: canMount, "needs root, and a mount namespace"))
struct DiskFaultTests {
    private func declare(_ host: TestHost) throws {
        try host.declare("crashy", actions: .process("wait 200 exit 3", "retry: {delay: 100ms, factor: 1}"))
        try host.declare("steady", actions: .process("lines 20"))
    }

    @Test("A full disk stops no service, and restarts continue (DB-4, DB-6, RX-4)")
    func fullDisk() async throws {
        try await TestHost.with { host in
            let disk = try await StateDisk(host, "mount -t tmpfs -o size=40m,mode=700 tmpfs \"$1\"")
            try declare(host)
            _ = try await disk.run("apply", "--timeout", "1s")
            let steady = try await host.runningInstance("steady")
            let reserve = disk.stateDirectory + "/heroproc.reserve"
            #expect(access(reserve, F_OK) == 0)
            func fill() async throws {
                _ = try await disk.runShell("cat /dev/zero > \(host.stateDirectory)/fill 2>/dev/null; true")
            }
            try await fill()
            // Small writes fit into allocated space, a large revision does not.
            try host.writeManifest(
                "large.yaml",
                "# " + String(repeating: "x", count: 900_000) + "\n" + host.manifest("large", [], [.process()])
            )
            let first = try await disk.run("apply", "--timeout", "5s")
            #expect(first.exitCode != 2, "the reserve is released: \(first.errorOutput)")
            #expect(access(reserve, F_OK) != 0)
            _ = try await disk.runShell("cat /dev/zero >> \(host.stateDirectory)/fill 2>/dev/null; true")
            // The reserve is used up now. These texts are all different, and larger than the free space of the log.
            for number in 0..<7 {
                try host.writeManifest(
                    "large\(number).yaml",
                    "# \(number)" + String(repeating: "y", count: 1_000_000) + "\n"
                )
            }
            let second = try await disk.run("apply", "--timeout", "60s")
            #expect(second.exitCode == 2, "\(second.output)")
            #expect(second.errorOutput.contains("the disk is full"), "\(second.errorOutput)")
            let count = host.instances("crashy").count
            try await eventually("restarts continue") { host.instances("crashy").count >= count + 5 }
            #expect(try await host.runningInstance("steady", number: 1) == steady)

            // After space is freed, writing continues without any action.
            #expect(try await disk.runShell("rm \(host.stateDirectory)/fill") == 0)
            try await eventually("the reconciler writes again") {
                try await disk.databaseStatus["writable"] as? Bool == true
            }
            for number in 0..<7 { host.removeManifest("large\(number)") }
            let third = try await disk.run("apply", "--timeout", "20s")
            #expect(third.exitCode != 2, "\(third.errorOutput)")
            let instances = host.instances("crashy")
            #expect(Set(instances.map(\.job)).count == 1 && instances.map(\.restartCount) == Array(0..<instances.count))
            try await disk.tearDown()
        }
    }

    private static let hasLoopDevices = access("/dev/loop-control", R_OK) == 0

    @Test(
        "The reconciler writes again after a broken disk is replaced (DB-4)",
        .enabled(if: hasLoopDevices, "no loop device")
    )
    func brokenDisk() async throws {
        try await TestHost.with { host in
            let image = host.root + "/image"
            let disk = try await StateDisk(
                host,
                "PATH=$PATH:/usr/sbin:/sbin && truncate -s 64M \(image) && mkfs.ext4 -q -F \(image) && mount -o loop \(image) \"$1\""
            )
            try host.declare("steady")
            try host.declare("other", actions: .process("sleep -1", "retry: {delay: 50ms}"))
            #expect(try await disk.run("apply").exitCode == 0)
            let (steady, other) = (try await host.runningInstance("steady"), try await host.runningInstance("other"))
            // EXT4_IOC_SHUTDOWN: every later call fails with an input/output error.
            let descriptor = open(disk.stateDirectory, O_RDONLY | O_DIRECTORY)
            var flags: UInt32 = 2
            try #require(ioctl(descriptor, 0x8004_587D, &flags) == 0)
            close(descriptor)
            #expect(kill(other.pid, SIGKILL) == 0)
            try await eventually("the outage is reported") { StoreOutageText.read(host) != nil }
            #expect(isAlive(steady.pid))
            // The administrator mounts another disk with the remaining data of the broken one.
            let repair =
                "umount -l \(host.stateDirectory) && cp \(image) \(image)2 && mount -o loop \(image)2 \(host.stateDirectory)"
            #expect(try await disk.runShell(repair) == 0)
            try await eventually("the reconciler writes again") { StoreOutageText.read(host) == nil }
            let healed = try await host.runningInstance("other", number: 2)
            #expect(healed.job == other.job)
            #expect(try await host.runningInstance("steady", number: 1) == steady)
            try await eventually("all services are ready") { try await disk.run("status").exitCode == 0 }
            let history = try await disk.run("events").output
            #expect(history.contains("revision 1 applied") && !history.contains("db_rebuilt"), "nothing is lost")
            try await disk.tearDown()
        }
    }
}

/// The outage message that the reconciler writes outside of the database; nil without an outage.
private enum StoreOutageText {
    static func read(_ host: TestHost) -> String? {
        let text = host.readText(host.paths.storeOutageFile).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }
}
