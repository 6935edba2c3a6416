import Foundation
import Testing

private let isRoot = geteuid() == 0
private let ordinaryUser = "65534"

/// The capabilities that a service keeps.
@Suite("Capabilities of services")
struct CapabilityTests {
    @Test("A service of an ordinary user can bind a port below 1024", .enabled(if: isRoot, "needs root"))
    func privilegedPort() async throws {
        try await TestHost.with { host in
            let port = try #require((80..<1024).first { !isListening($0) })
            let web = """
                kind: Service
                name: web
                exec: [perl, -MIO::Socket::INET, -e, '$$s = IO::Socket::INET->new(Listen => 1, LocalAddr =>
                  "127.0.0.1:\(port)") or die "$$!"; sleep']
                user: \(ordinaryUser)
                tcp_ports: ["127.0.0.1:\(port)"]
                retry: {max_attempts: 1}
                """
            try host.writeManifest("web.yaml", web)
            let lowest = host.readText("/proc/sys/net/ipv4/ip_unprivileged_port_start").split(separator: "\n").first
            let isPrivileged = port < lowest.flatMap { Int($0) } ?? 1024
            if isPrivileged { #expect(try await host.run("apply").exitCode == 1, "without the capability") }
            try host.writeManifest("web.yaml", web + "\ncapabilities: [NET_BIND_SERVICE]\n")
            try await host.apply()
            try await host.expectEmptyDiff()
        }
    }

    @Test("A service of root has only its capabilities, and so have its probes", .enabled(if: isRoot, "needs root"))
    func limitedRoot() async throws {
        try await TestHost.with { host in
            let web = """
                kind: Service
                name: web
                script: |
                  id -u
                  mount -t tmpfs none /mnt 2>/dev/null || echo no mount
                  chown \(ordinaryUser) "$FILE" && echo chown
                  exec sleep 1000
                env: {FILE: \(host.root)/file}
                ready: {exec: [sh, -c, "grep CapEff /proc/self/status >> $$FILE"]}
                capabilities: [CHOWN, DAC_OVERRIDE]
                """
            try host.writeManifest("web.yaml", web)
            try Data().write(to: URL(fileURLWithPath: "\(host.root)/file"))
            try await host.apply()
            try await eventually("the program has written its lines") {
                try await host.run("logs", "web").output == "0\nno mount\nchown\n"
            }
            #expect(host.readText("\(host.root)/file").hasPrefix("CapEff:\t0000000000000003\n"))
            try host.writeManifest("web.yaml", web.replacing("[CHOWN, DAC_OVERRIDE]", with: "[]"))
            let plan = try await host.run("diff").output
            #expect(plan.contains("capabilities: [CHOWN DAC_OVERRIDE] -> []"), "\(plan)")
        }
    }

    @Test("A capability that heroproc does not have is a failed start")
    func missingCapability() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "capabilities: [NET_ADMIN]"))
            let entry = isRoot ? ["setpriv", "--bounding-set=-net_admin"] : []
            let result = try await host.run(["apply"], through: entry)
            #expect(result.exitCode == 1)
            let text = "cannot set the privileges: capabilities [NET_ADMIN]: Operation not permitted"
            let why = try await host.run("why", "web").output
            #expect(why.contains(text + (isRoot ? "" : "; only root may do that")), "\(why)")
        }
    }
}
