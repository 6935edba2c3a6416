import Foundation
import Glibc
import Testing

/// What is no change, and what takes effect in place (reliability.md MF-5, MF-6).
@Suite("Same meaning", .serialized)
struct EquivalentManifestTests {
    private static let rounds = TestSettings.isLong ? 1000 : 12

    @Test("MF-5: the same meaning in any form is no difference and no restart")
    func equivalentTexts() async throws {
        try await TestHost.with { world in
            let plain = world.manifest("web", ["requires: [db]"], [.process("sleep -1", "retry: {delay: 1s}")])
            try world.declare("db")
            try world.writeManifest("web.yaml", plain)
            _ = try world.startReconciler()
            let before = [
                try await world.runningInstance("db", number: 1), try await world.runningInstance("web", number: 1),
            ]
            var lines = plain.split(separator: "\n").map(String.init)
            lines.swapAt(0, 1)
            let shuffled = lines.joined(separator: "\n") + "\n"
            let disguises: [(String, String)] = [
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
                let (name, text) = disguises[round % disguises.count]
                try world.writeManifest("web.yaml", text)
                try await world.expectEmptyDiff()
                if round < disguises.count {
                    // In another file, in a folder, together with others.
                    try await eventually("\(name) was read") {
                        let history = try await world.run("history", "-o", "json").output
                        return history.split(separator: "\n").count >= 1
                    }
                }
            }
            mkdir("\(world.servicesDirectory)/sub", 0o755)
            try world.writeManifest("sub/all.yaml", plain + "---\n" + world.manifest("db", [], [.process()]))
            for name in ["db", "web"] { world.removeManifest(name) }
            try await world.expectEmptyDiff()
            // Once this is there, all before it has been looked at.
            try world.declare("last")
            _ = try await world.runningInstance("last", number: 1)
            #expect(
                [try await world.runningInstance("db", number: 1), try await world.runningInstance("web", number: 1)]
                    == before
            )
        }
    }

    @Test(
        "MF-5: fields that take effect in place restart nobody, and diff says so",
        arguments: [
            "description: words", "labels: {team: a}", "tags: [x]", "protect: true", "class: system", "wants: [db]",
            "required: true",
        ]
    )
    func serviceFieldsChangeInPlace(_ field: String) async throws {
        try await TestHost.with { world in
            try world.declare("db")
            try world.declare("web")
            try await world.apply()
            let before = try await world.runningInstance("web", number: 1)
            try world.declare("web", field)
            let diff = try await world.run("diff", "-v")
            #expect(!diff.output.contains("±"), "\(diff.output)")
            try await world.apply()
            #expect(try await world.runningInstance("web", number: 1) == before)
            try await world.expectEmptyDiff()
        }
    }

    @Test("MF-5: of an action, too: policies change in place, the rest restarts")
    func actionFieldsChangeInPlace() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let before = try await world.runningInstance("web", number: 1)
            for keys in ["retry: {delay: 3s}", "stop: {timeout: 3s}", "log: {max_size: 1MiB}", "start_timeout: 9s"] {
                try world.declare("web", actions: .process("sleep -1", keys))
                #expect(try await world.run("diff").output.contains("~"))
                try await world.apply()
                #expect(try await world.runningInstance("web", number: 1) == before, "\(keys)")
            }
            try world.declare("web", actions: .process("sleep -1", "umask: \"077\""))
            let diff = try await world.run("diff")
            #expect(diff.output.contains("±") && diff.output.contains("umask"))
            try await world.apply()
            _ = try await world.runningInstance("web", number: 2)
        }
    }

    @Test("MF-6: thousands of services, chains of thousands and cycles are planned or refused, never a crash")
    func largeManifestSets() async throws {
        try await TestHost.with { world in
            func action(_ name: String) -> String { "\nactions: [{name: \(name), exec: [\"true\"]}]\n" }
            /// Services that require one another in a row, or in a circle, in files of a thousand.
            func chain(_ count: Int, closed: Bool) throws {
                for start in stride(from: 0, to: count, by: 1000) {
                    let text = (start..<min(count, start + 1000)).map { index in
                        let next = index + 1 < count ? index + 1 : 0
                        let requires = next > 0 || closed ? "\nrequires: [s\(next)]" : ""
                        return "---\nkind: Service\nname: s\(index)" + requires + action("run")
                    }.joined()
                    try world.writeManifest("chain\(start / 1000).yaml", text)
                }
            }
            // One file of a megabyte at most: several.
            for part in 0..<5 {
                let text = (0..<1000).map { "---\nkind: Service\nname: w\(part)-\($0)" + action("run") }.joined()
                try world.writeManifest("wide\(part).yaml", text)
            }
            #expect(try await world.run("validate").exitCode == 0)
            let wide = try await world.run("diff", "-o", "json")
            #expect((wide.json["summary"] as? [String: Any])?["start"] as? Int == 5000)
            for part in 0..<5 { unlink("\(world.servicesDirectory)/wide\(part).yaml") }
            try chain(3000, closed: false)
            let deep = try await world.run("diff", "-o", "json")
            #expect((deep.json["start_waves"] as? [Any])?.count == 3000)
            try chain(3000, closed: true)
            let cycle = try await world.run("validate")
            #expect(
                cycle.exitCode == 2 && (cycle.output + cycle.errorOutput).contains("cycle"),
                "\((cycle.output + cycle.errorOutput).prefix(300))"
            )
            for part in 0..<3 { unlink("\(world.servicesDirectory)/chain\(part).yaml") }
            try chain(3, closed: true)
            let small = try await world.run("validate")
            let told = small.output + small.errorOutput
            for name in ["s0", "s1", "s2"] { #expect(told.contains(name), "the way round is shown") }
            unlink("\(world.servicesDirectory)/chain0.yaml")
            try world.writeManifest("chain.yaml", "# " + String(repeating: "x", count: 1 << 20) + "\n")
            let big = try await world.run("validate")
            #expect(big.exitCode == 2 && (big.output + big.errorOutput).contains("chain.yaml"))
            unlink("\(world.servicesDirectory)/chain.yaml")
            try world.writeManifest("missing.yaml", "kind: Service\nname: a\nrequires: [nowhere]" + action("run"))
            let missing = try await world.run("validate")
            #expect(
                missing.exitCode == 2 && (missing.output + missing.errorOutput).contains("missing.yaml:3:12: error: ")
            )
        }
    }
}
