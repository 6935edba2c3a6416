import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// A process of a test, killed at its end.
final class HelperProcess {
    let pid: Int32
    private var isReaped = false

    /// Starts a command with copies of the descriptors from number 3 on.
    init(_ command: [String], environment: [String: String] = [:], holding descriptors: [Int32] = []) throws {
        let variables = environment.map { "\($0.key)=\($0.value)" }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (address, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + address))
        }
        pid = withArgumentList(command) { list in
            withArgumentList(variables) { variables in
                var pid: Int32 = 0
                return posix_spawn(&pid, command[0], &actions, nil, list, variables) == 0 ? pid : -1
            }
        }
        try #require(pid > 0)
    }

    /// Starts a process that only holds descriptors.
    static func holding(_ descriptors: Int32...) throws -> HelperProcess {
        let helper = try HelperProcess(["/bin/sleep", "600"], holding: descriptors)
        for descriptor in descriptors { close(descriptor) }
        // Until it executes its program it is a copy of this process.
        #expect(waitUntil { ProcessInspector.programPath(of: helper.pid)?.hasSuffix("sleep") ?? false })
        return helper
    }

    /// Waits until it has exited successfully.
    func finish() throws {
        var status: Int32 = 0
        #expect(waitpid(pid, &status, 0) == pid)
        isReaped = true
        try #require(status == 0)
    }

    /// Kills it without reaping it.
    func end() {
        kill(pid, SIGKILL)
        _ = waitUntil { ProcStat(of: pid)?.isDead ?? true }
    }

    /// Kills and reaps it; its PID may be reused from then on.
    func reap() {
        guard !isReaped else { return }
        isReaped = true
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    deinit { reap() }
}

/// Binds a TCP socket to a free port of an address.
func boundPort(_ host: String = "127.0.0.1", listens: Bool = true) throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr(host)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            guard bind(descriptor, generic, size) == 0, getsockname(descriptor, generic, &size) == 0 else { return nil }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }
    if listens { try #require(listen(descriptor, 16) == 0) }
    return (descriptor, try #require(port))
}

extension BlockerScanRequest {
    /// A request with default values.
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

    /// The result of a scanner without recorded refusals.
    func scanOnce() -> StartBlockers {
        var scanner = BlockerScanner()
        return scanner.scan(self, now: Moment(nanoseconds: hl_boot_clock()))
    }
}
