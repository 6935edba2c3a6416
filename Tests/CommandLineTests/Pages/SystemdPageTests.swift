import Foundation
import TestSupport
import Testing

/// What docs/how-to/systemd.md tells people to write (reliability.md P1-3).
@Suite("The page about systemd")
struct SystemdPageTests {
    private static let analyzer = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].first { (path: String) in
        access(path, X_OK) == 0
    }

    private static let page = HowToPage("systemd.md")

    /// The units of the page, by their names.
    private static let units = Dictionary(
        uniqueKeysWithValues: zip(["heroproc.service", "heroproc-down.service"], page.blocks("ini"))
    )

    @Test("P1-3: its unit has what the doctor asks for, and both are named on it")
    func unitHasRequiredLines() throws {
        let unit = try #require(Self.units["heroproc.service"]).split(separator: "\n")
        for line in ["KillMode=process", "Delegate=yes", "Restart=always", "OOMScoreAdjust=-900", "TasksMax=infinity"] {
            #expect(unit.contains { $0 == line }, "\(line)")
        }
        for name in Self.units.keys { #expect(Self.page.text.contains("/etc/systemd/system/\(name)")) }
    }

    @Test("P1-3: systemd finds no mistake in its units", .enabled(if: analyzer != nil, "needs systemd-analyze"))
    func systemdAcceptsUnits() async throws {
        try await Sandbox.with { sandbox in
            for (name, text) in Self.units {
                // The program stands elsewhere here.
                let own = text.replacing("/usr/local/bin/heroproc", with: Sandbox.binary)
                try Data(own.utf8).write(to: URL(fileURLWithPath: "\(sandbox.root)/\(name)"))
            }
            let names = Self.units.keys.map { "\(sandbox.root)/\($0)" }
            let answer = try await sandbox.result(
                of: sandbox.start(["verify"] + names.sorted(), program: try #require(Self.analyzer))
            )
            #expect(answer.exitCode == 0 && answer.errorOutput.isEmpty, "\(answer.errorOutput)")
        }
    }
}
