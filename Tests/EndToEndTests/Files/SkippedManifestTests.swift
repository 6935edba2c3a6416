import Foundation
import Glibc
import Testing

/// Manifests that are replaced by something that is not read.
@Suite("Manifests that are not read", .serialized)
struct SkippedManifestTests {
    /// How the manifest of a running service disappears.
    enum Replacement: String, CaseIterable, CustomTestStringConvertible {
        case linkOutside, brokenLink, fifo, nameNotUTF8
        var testDescription: String { rawValue }

        func replace(_ path: String, outside: String) {
            switch self {
            case .linkOutside:
                rename(path, outside)
                symlink(outside, path)
            case .brokenLink:
                unlink(path)
                symlink("nowhere", path)
            case .fifo:
                unlink(path)
                mkfifo(path, 0o644)
            case .nameNotUTF8:
                let name = (Array(path.utf8.dropLast(5)) + [0xE9] + Array(".yaml".utf8) + [0]).map {
                    CChar(bitPattern: $0)
                }
                rename(path, name)
            }
        }
    }

    @Test("A service does not stop because its manifest is not read any more", arguments: Replacement.allCases)
    func apply(replacement: Replacement) async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try host.declare("other")
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            let path = host.servicesDirectory + "/web.yaml"
            replacement.replace(path, outside: host.root + "/web.yaml")
            for command in ["diff", "apply"] {
                let result = try await host.run(command)
                #expect(result.exitCode == 2, "\(command): \(result.output)\(result.errorOutput)")
                #expect(result.errorOutput.contains("[declaration-not-read]"), "\(command): \(result.errorOutput)")
            }
            #expect(try await host.run("validate").exitCode == 0)
            #expect(isAlive(first.pid) && host.instances("web").count == 1)
            // Without pruning nothing would stop, so the warning is enough.
            #expect(try await host.run("diff", "--no-prune").errorOutput.contains("warning: it is not read"))

            // A person who removes the entry too wants the service to stop.
            #expect(runShell("cd '\(host.servicesDirectory)' && LC_ALL=C find . -name 'web*' -delete") == 0)
            try await host.apply()
            #expect(!isAlive(first.pid))
        }
    }

    @Test("A syncing reconciler does not stop a service whose manifest it cannot read any more")
    func sync() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try host.declare("other")
            let reconciler = try host.startReconciler()
            let first = try await host.runningInstance("web", number: 1)
            _ = try await host.runningInstance("other", number: 1)
            let path = host.servicesDirectory + "/web.yaml"
            Replacement.linkOutside.replace(path, outside: host.root + "/web.yaml")
            try await eventually("an event names the manifest") {
                try await host.events().contains {
                    ($0["text"] as? String)?.contains("core/web would stop, because its manifest \(path)") == true
                }
            }
            // The file comes back with a change, which is applied; the service has been up all the time.
            #expect(isAlive(first.pid))
            unlink(path)
            try host.declare("web", "description: changed")
            try host.declare("third")
            _ = try await host.runningInstance("third", number: 1)
            #expect(isAlive(first.pid) && host.instances("web").count == 1)
            kill(reconciler.pid, SIGTERM)
            _ = try await host.exitCode(of: reconciler)
        }
    }
}
