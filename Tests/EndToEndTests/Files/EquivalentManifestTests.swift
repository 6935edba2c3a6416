import Foundation
import Glibc
import Testing

/// Equivalent manifests, and changes that take effect in place (guarantees MF-5, MF-6).
@Suite("Equivalent manifests", .serialized)
struct EquivalentManifestTests {
    private static let rounds = TestSettings.isLong ? 1000 : 12

    @Test("Equivalent texts of a manifest cause no difference and no restart (MF-5)")
    func equivalentTexts() async throws {
        try await TestHost.with { host in
            let plain = host.manifest("web", ["requires: [db]"], [.process("sleep -1", "retry: {delay: 1s}")])
            try host.declare("db")
            try host.writeManifest("web.yaml", plain)
            _ = try host.startReconciler()
            let before = [
                try await host.runningInstance("db", number: 1), try await host.runningInstance("web", number: 1),
            ]
            var lines = plain.split(separator: "\n").map(String.init)
            lines.swapAt(0, 1)
            let shuffled = lines.joined(separator: "\n") + "\n"
            let texts: [(String, String)] = [
                ("comments", "# a comment\n" + plain.replacing("\n", with: "  # and one\n")),
                ("CRLF", plain.replacing("\n", with: "\r\n")),
                ("a byte order mark", "\u{FEFF}" + plain),
                ("another order", shuffled),
                ("a document marker", "---\n" + plain + "...\n"),
                ("defaults spelled out", plain + "status: start\nclass: user\ncontext: core\nprotect: false\n"),
                ("the same duration", plain.replacing("1s", with: "1000ms")),
                ("quotes", plain.replacing("name: web", with: "name: \"web\"")),
                ("no line feed at the end", String(plain.dropLast())),
            ]
            for round in 0..<Self.rounds {
                let (name, text) = texts[round % texts.count]
                try host.writeManifest("web.yaml", text)
                try await host.expectEmptyDiff()
                if round < texts.count {
                    // The first time each text is written, the history can still be read.
                    try await eventually("\(name) was read") {
                        let history = try await host.run("history", "-o", "json").output
                        return history.split(separator: "\n").count >= 1
                    }
                }
            }
            mkdir("\(host.servicesDirectory)/sub", 0o755)
            try host.writeManifest("sub/all.yaml", plain + "---\n" + host.manifest("db", [], [.process()]))
            for name in ["db", "web"] { host.removeManifest(name) }
            try await host.expectEmptyDiff()
            // This change is applied after all earlier changes were read.
            try host.declare("last")
            _ = try await host.runningInstance("last", number: 1)
            #expect(
                [try await host.runningInstance("db", number: 1), try await host.runningInstance("web", number: 1)]
                    == before
            )
        }
    }

    @Test(
        "Service fields that take effect in place restart nothing (MF-5)",
        arguments: [
            "description: words", "labels: {team: a}", "tags: [x]", "protect: true", "class: system", "wants: [db]",
            "required: true",
        ]
    )
    func serviceFieldsChangeInPlace(_ field: String) async throws {
        try await TestHost.with { host in
            try host.declare("db")
            try host.declare("web")
            try await host.apply()
            let before = try await host.runningInstance("web", number: 1)
            try host.declare("web", field)
            let diff = try await host.run("diff", "-v")
            #expect(!diff.output.contains("±"), "\(diff.output)")
            try await host.apply()
            #expect(try await host.runningInstance("web", number: 1) == before)
            try await host.expectEmptyDiff()
        }
    }

    @Test("Action policies change in place, other action fields cause a restart (MF-5)")
    func actionFieldsChangeInPlace() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let before = try await host.runningInstance("web", number: 1)
            for fields in ["retry: {delay: 3s}", "stop: {timeout: 3s}", "log: {max_size: 1MiB}", "start_timeout: 9s"] {
                try host.declare("web", actions: .process("sleep -1", fields))
                #expect(try await host.run("diff").output.contains("~"))
                try await host.apply()
                #expect(try await host.runningInstance("web", number: 1) == before, "\(fields)")
            }
            try host.declare("web", actions: .process("sleep -1", "umask: \"077\""))
            let diff = try await host.run("diff")
            #expect(diff.output.contains("±") && diff.output.contains("umask"))
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
        }
    }

    @Test("Thousands of services, long chains and cycles never crash the planner (MF-6)")
    func largeManifestSets() async throws {
        try await TestHost.with { host in
            func action(_ name: String) -> String { "\nactions: [{name: \(name), exec: [\"true\"]}]\n" }
            /// Writes services that require each other in a chain or a cycle, a thousand per file.
            func chain(_ count: Int, closed: Bool) throws {
                for start in stride(from: 0, to: count, by: 1000) {
                    let text = (start..<min(count, start + 1000)).map { index in
                        let next = index + 1 < count ? index + 1 : 0
                        let requires = next > 0 || closed ? "\nrequires: [s\(next)]" : ""
                        return "---\nkind: Service\nname: s\(index)" + requires + action("run")
                    }.joined()
                    try host.writeManifest("chain\(start / 1000).yaml", text)
                }
            }
            // A file may have one megabyte, so that several files are needed.
            for part in 0..<5 {
                let text = (0..<1000).map { "---\nkind: Service\nname: w\(part)-\($0)" + action("run") }.joined()
                try host.writeManifest("wide\(part).yaml", text)
            }
            #expect(try await host.run("validate").exitCode == 0)
            let wide = try await host.run("diff", "-o", "json")
            #expect((wide.json["summary"] as? [String: Any])?["start"] as? Int == 5000)
            for part in 0..<5 { unlink("\(host.servicesDirectory)/wide\(part).yaml") }
            try chain(3000, closed: false)
            let deep = try await host.run("diff", "-o", "json")
            #expect((deep.json["start_waves"] as? [Any])?.count == 3000)
            try chain(3000, closed: true)
            let cycle = try await host.run("validate")
            #expect(
                cycle.exitCode == 2 && (cycle.output + cycle.errorOutput).contains("cycle"),
                "\((cycle.output + cycle.errorOutput).prefix(300))"
            )
            for part in 0..<3 { unlink("\(host.servicesDirectory)/chain\(part).yaml") }
            try chain(3, closed: true)
            let small = try await host.run("validate")
            let output = small.output + small.errorOutput
            for name in ["s0", "s1", "s2"] { #expect(output.contains(name), "the whole cycle is shown") }
            unlink("\(host.servicesDirectory)/chain0.yaml")
            try host.writeManifest("chain.yaml", "# " + String(repeating: "x", count: 1 << 20) + "\n")
            let big = try await host.run("validate")
            #expect(big.exitCode == 2 && (big.output + big.errorOutput).contains("chain.yaml"))
            unlink("\(host.servicesDirectory)/chain.yaml")
            try host.writeManifest("missing.yaml", "kind: Service\nname: a\nrequires: [nowhere]" + action("run"))
            let missing = try await host.run("validate")
            #expect(
                missing.exitCode == 2 && (missing.output + missing.errorOutput).contains("missing.yaml:3:12: error: ")
            )
        }
    }
}
