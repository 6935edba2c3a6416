import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// A process of the test's own, ended with it.
final class HelperProcess {
    let pid: Int32
    private var isReaped = false

    /// Starts a command; it gets copies of the descriptors, from 3 on.
    init(_ command: [String], environment: [String: String] = [:], holding descriptors: [Int32] = []) throws {
        let variables = environment.map { "\($0.key)=\($0.value)" }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (place, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + place))
        }
        pid = withArgumentList(command) { list in
            withArgumentList(variables) { variables in
                var pid: Int32 = 0
                return posix_spawn(&pid, command[0], &actions, nil, list, variables) == 0 ? pid : -1
            }
        }
        try #require(pid > 0)
    }

    /// A process that does nothing but hold descriptors.
    static func holding(_ descriptors: Int32...) throws -> HelperProcess {
        let stranger = try HelperProcess(["/bin/sleep", "600"], holding: descriptors)
        for descriptor in descriptors { close(descriptor) }
        // It is a copy of this process until it executes.
        #expect(eventually { ProcessInspector.programPath(of: stranger.pid)?.hasSuffix("sleep") ?? false })
        return stranger
    }

    /// Waits until it has ended well.
    func finish() throws {
        var status: Int32 = 0
        #expect(waitpid(pid, &status, 0) == pid)
        isReaped = true
        try #require(status == 0)
    }

    /// Ends it, but leaves it unreaped.
    func end() {
        kill(pid, SIGKILL)
        _ = eventually { ProcStat(of: pid)?.isDead ?? true }
    }

    /// Ends and reaps it: from here on its pid is free for others.
    func reap() {
        guard !isReaped else { return }
        isReaped = true
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    deinit { reap() }
}

/// A TCP socket bound to a free port of an address.
func boundPort(_ address: String = "127.0.0.1", listens: Bool = true) throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = inet_addr(address)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port: UInt16? = withUnsafeMutablePointer(to: &place) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            guard bind(descriptor, generic, size) == 0, getsockname(descriptor, generic, &size) == 0 else { return nil }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }
    if listens { try #require(listen(descriptor, 16) == 0) }
    return (descriptor, try #require(port))
}

extension BlockerScanRequest {
    /// An order that says only what a test is about.
    init(
        ports: [BoundPort] = [],
        sockets: [String] = [],
        pidFile: String? = nil,
        program: String = "",
        recorded: ProcessIdentity? = nil
    ) {
        self.init(
            ports: ports,
            sockets: sockets,
            pidFile: pidFile,
            program: program,
            environment: [],
            recorded: recorded
        )
    }

    /// What somebody finds who has never looked before.
    func scanOnce() -> StartBlockers {
        var obstruction = BlockerScanner()
        return obstruction.scan(self, now: Moment(nanoseconds: hl_boot_clock()))
    }
}
