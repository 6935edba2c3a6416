import Foundation
import Glibc
import HeroLinux
import Testing

/// A file system of its own for the state directory, in a mount namespace of its own.
private struct StateDisk {
    let host: TestHost
    let holder: TestHost.RunningCommand

    /// What leads a program in.
    var entryCommand: [String] { ["nsenter", "-m", "-t", "\(holder.pid)"] }
    /// The state directory as it is seen from outside.
    var stateDirectory: String { "/proc/\(holder.pid)/root\(host.stateDirectory)" }

    /// Makes one; the script mounts something at `$1`.
    init(_ world: TestHost, _ script: String) async throws {
        mkdir(world.stateDirectory, 0o700)
        self.host = world
        let text = "mount --make-rprivate / && \(script) && touch \"$1/.mounted\" && exec sleep 100000"
        holder = try world.start(["-c", text, "sh", world.stateDirectory], program: "sh", through: ["unshare", "-m"])
        let state = "/proc/\(holder.pid)/root\(world.stateDirectory)"
        try await eventually("it is mounted") { access(state + "/.mounted", F_OK) == 0 }
    }

    func run(_ arguments: String...) async throws -> TestHost.CommandResult {
        try await host.run(arguments, through: entryCommand)
    }

    /// Runs a shell command inside.
    func runShell(_ text: String) async throws -> Int32 {
        try await host.exitCode(of: try host.start(["-c", text], program: "sh", through: entryCommand))
    }

    var databaseStatus: [String: Any] {
        get async throws { try await run("status", "-o", "json").json["database"] as? [String: Any] ?? [:] }
    }

    /// Takes everything down, and the file system with it.
    func tearDown() async throws {
        let answer = try await run("down", "--all")
        #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
        try await eventually("no reconciler lives inside") {
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

@Suite("A disk that is full or broken", .serialized, .enabled(if: canMount, "needs root, and a mount namespace"))
struct DiskFaultTests {
    private func declare(_ world: TestHost) throws {
        try world.declare("crashy", actions: .process("wait 200 exit 3", "retry: {delay: 100ms, factor: 1}"))
        try world.declare("steady", actions: .process("lines 20"))
    }

    @Test("DB-4, DB-6, RX-4: the disk is full to the last byte: no service dies, restarts go on, ends are exact")
    func fullDisk() async throws {
        try await TestHost.with { world in
            let disk = try await StateDisk(world, "mount -t tmpfs -o size=40m,mode=700 tmpfs \"$1\"")
            try declare(world)
            _ = try await disk.run("apply", "--timeout", "1s")
            let steady = try await world.runningInstance("steady")
            let reserve = disk.stateDirectory + "/heroproc.reserve"
            #expect(access(reserve, F_OK) == 0)
            func fill() async throws {
                _ = try await disk.runShell("cat /dev/zero > \(world.stateDirectory)/fill 2>/dev/null; true")
            }
            try await fill()
            // What it writes goes into room that it has; a large revision does not.
            try world.writeManifest(
                "large.yaml",
                "# " + String(repeating: "x", count: 900_000) + "\n" + world.manifest("large", [], [.process()])
            )
            let first = try await disk.run("apply", "--timeout", "5s")
            #expect(first.exitCode != 2, "the reserve is given back for it: \(first.errorOutput)")
            #expect(access(reserve, F_OK) != 0)
            _ = try await disk.runShell("cat /dev/zero >> \(world.stateDirectory)/fill 2>/dev/null; true")
            // Now there is nothing left to give, and this, with no two texts the same, is more than its log has room for.
            for number in 0..<7 {
                try world.writeManifest(
                    "large\(number).yaml",
                    "# \(number)" + String(repeating: "y", count: 1_000_000) + "\n"
                )
            }
            let second = try await disk.run("apply", "--timeout", "60s")
            #expect(second.exitCode == 2, "\(second.output)")
            #expect(second.errorOutput.contains("the disk is full"), "\(second.errorOutput)")
            let count = world.instances("crashy").count
            try await eventually("restarts go on") { world.instances("crashy").count >= count + 5 }
            #expect(try await world.runningInstance("steady", number: 1) == steady)

            // With room again it goes on by itself.
            #expect(try await disk.runShell("rm \(world.stateDirectory)/fill") == 0)
            try await eventually("it writes again") { try await disk.databaseStatus["writable"] as? Bool == true }
            for number in 0..<7 { world.removeManifest("large\(number)") }
            let third = try await disk.run("apply", "--timeout", "20s")
            #expect(third.exitCode != 2, "\(third.errorOutput)")
            let lives = world.instances("crashy")
            #expect(Set(lives.map(\.job)).count == 1 && lives.map(\.restartCount) == Array(0..<lives.count))
            try await disk.tearDown()
        }
    }

    private static let hasLoopDevices = access("/dev/loop-control", R_OK) == 0

    @Test(
        "DB-4: the disk fails under a live reconciler and is replaced: services run on, and it writes again by itself",
        .enabled(if: hasLoopDevices, "there is no loop device")
    )
    func brokenDisk() async throws {
        try await TestHost.with { world in
            let image = world.root + "/image"
            let disk = try await StateDisk(
                world,
                "PATH=$PATH:/usr/sbin:/sbin && truncate -s 64M \(image) && mkfs.ext4 -q -F \(image) && mount -o loop \(image) \"$1\""
            )
            try world.declare("steady")
            try world.declare("other", actions: .process("sleep -1", "retry: {delay: 50ms}"))
            #expect(try await disk.run("apply").exitCode == 0)
            let (steady, other) = (try await world.runningInstance("steady"), try await world.runningInstance("other"))
            // EXT4_IOC_SHUTDOWN: from here on every call ends with an input/output error.
            let descriptor = open(disk.stateDirectory, O_RDONLY | O_DIRECTORY)
            var flags: UInt32 = 2
            try #require(ioctl(descriptor, 0x8004_587D, &flags) == 0)
            close(descriptor)
            #expect(kill(other.pid, SIGKILL) == 0)
            try await eventually("it says so") { StoreOutageText.read(world) != nil }
            #expect(isAlive(steady.pid))
            // The machine's owner puts another disk in its place, with what the broken one still had.
            let repair =
                "umount -l \(world.stateDirectory) && cp \(image) \(image)2 && mount -o loop \(image)2 \(world.stateDirectory)"
            #expect(try await disk.runShell(repair) == 0)
            try await eventually("it writes again") { StoreOutageText.read(world) == nil }
            let healed = try await world.runningInstance("other", number: 2)
            #expect(healed.job == other.job)
            #expect(try await world.runningInstance("steady", number: 1) == steady)
            try await eventually("all is well") { try await disk.run("status").exitCode == 0 }
            let history = try await disk.run("events").output
            #expect(history.contains("revision 1 applied") && !history.contains("db_rebuilt"), "nothing of it is lost")
            try await disk.tearDown()
        }
    }
}

/// What the reconciler says of its database, without asking the database.
private enum StoreOutageText {
    static func read(_ world: TestHost) -> String? {
        let text = world.readText(world.paths.storeOutageFile).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }
}
