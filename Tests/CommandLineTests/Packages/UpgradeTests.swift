import Foundation
import Glibc
import Testing

/// The steps of `docs/how-to/upgrade-and-uninstall.md` that need no root.
///
/// `.ci/test-packages` tries them in chroots.
@Suite("Upgrade and removal")
struct UpgradeTests {
    private static let programs = ["heroproc", "hpshim", "heroproc-server"].map(builtProgram)

    @Test("Installed programs are replaced with cp -f while services run, and then removed")
    func programsAreReplaced() async throws {
        let manifests = ["web.yaml": Sandbox.service("web"), "db.yaml": Sandbox.service("db")]
        try await Sandbox.with(manifests) { sandbox in
            let bin = sandbox.root + "/bin"
            try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
            let sources = Self.programs.map(shellQuoted).joined(separator: " ")
            try await sandbox.shell("cp -f \(sources) '\(bin)'")
            let installed = bin + "/heroproc"
            let apply = {
                let answer = try await sandbox.result(of: sandbox.start(["apply", "--quiet"], program: installed))
                #expect(answer.exitCode == 0, "\(answer.errorOutput)")
            }
            try await apply()
            let web = try #require(try await sandbox.firstAction("web"))
            let db = try #require(try await sandbox.firstAction("db"))
            let reconciler = try #require(sandbox.reconcilerPID)
            // Programs that run cannot be overwritten, but `cp -f` replaces them.
            try await sandbox.shell("! cp \(sources) '\(bin)' 2>/dev/null; cp -f \(sources) '\(bin)'")
            #expect(kill(reconciler, SIGTERM) == 0)
            try await eventually("the old reconciler is gone") { sandbox.reconcilerPID == nil }
            try await apply()
            #expect(try await sandbox.firstAction("web")?.pid == web.pid)
            #expect(try await sandbox.firstAction("db")?.restarts == db.restarts)
            #expect(sandbox.readText("/proc/\(try #require(sandbox.reconcilerPID))/cmdline").hasPrefix(installed))
            let down = try await sandbox.result(of: sandbox.start(["down", "--all", "--quiet"], program: installed))
            #expect(down.exitCode == 0, "\(down.errorOutput)")
            try await sandbox.shell("rm -r '\(bin)'")
            #expect(!isAlive(web.pid) && !isAlive(db.pid))
        }
    }
}
