import Foundation
import Glibc
import Testing

/// Faults of the process that forks the shims of a reconciler.
@Suite("Fork server", .serialized)
struct ForkServerTests {
    /// The fork server of the reconciler, which starts one again when it starts a service.
    private func awaitForkServer(_ host: TestHost, restarting service: String? = nil) async throws -> pid_t {
        var found: pid_t?
        let reconciler = try #require(host.reconcilerPID)
        try await eventually("the reconciler has a fork server", within: 30) {
            found = children(of: reconciler).first { isForkServer($0) && !isStopped($0) && isAlive($0) }
            if found == nil, let service, let last = host.instances(service).last { kill(last.pid, SIGKILL) }
            return found != nil
        }
        return try #require(found)
    }

    @Test("Services restart while their fork server is killed or stopped, and none runs twice (SH-17)")
    func faults() async throws {
        try await TestHost.with { host in
            let names = (1...12).map { "s\($0)" }
            for name in names {
                try host.declare(name, actions: .process("sleep -1", "retry: {delay: 1ms, jitter: 0}"))
            }
            try await host.apply()
            for signal in [SIGKILL, SIGSTOP, SIGKILL] {
                let server = try await awaitForkServer(host, restarting: names[0])
                var before: [String: OracleInstance] = [:]
                for name in names { before[name] = try await host.runningInstance(name) }
                for (index, name) in names.enumerated() {
                    if let instance = before[name] { kill(instance.pid, SIGKILL) }
                    if index == 5 { kill(server, signal) }
                }
                try await eventually("all services run again", within: 60) {
                    names.allSatisfy { name in
                        host.instances(name).last.map { $0.pid != before[name]?.pid && isAlive($0.pid) } ?? false
                    }
                }
                for name in names {
                    #expect(host.instances(name).filter { isAlive($0.pid) }.count == 1, "\(name)")
                }
            }
        }
    }

    @Test("A stopped fork server ends with its reconciler (UP-5)")
    func endsWithReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1"))
            try await host.apply()
            let server = try await awaitForkServer(host)
            kill(server, SIGSTOP)
            try await host.killReconciler()
            try await eventually("the server is gone") { !isAlive(server) }
            let web = try await host.runningInstance("web")
            #expect(isShim(parent(of: web.pid)), "the shim goes on")
            try await host.apply()
            #expect(try await host.runningInstance("web").pid == web.pid)
        }
    }
}
