import Foundation
import TestSupport
import Testing

/// Checks the units in docs/how-to/systemd.md (P1-3).
@Suite("The page about systemd")
struct SystemdPageTests {
    private static let analyzer = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].first { (path: String) in
        access(path, X_OK) == 0
    }

    private static let page = HowToPage("systemd.md")

    /// The units of the page, by name.
    private static let units = Dictionary(
        uniqueKeysWithValues: zip(["heroproc.service", "heroproc-down.service"], page.blocks("ini"))
    )

    @Test("P1-3: The systemd page names both units, with the settings that doctor requires")
    func unitHasRequiredLines() throws {
        let unit = try #require(Self.units["heroproc.service"]).split(separator: "\n")
        for line in ["KillMode=process", "Delegate=yes", "Restart=always", "OOMScoreAdjust=-900", "TasksMax=infinity"] {
            #expect(unit.contains { $0 == line }, "\(line)")
        }
        for name in Self.units.keys { #expect(Self.page.text.contains("/etc/systemd/system/\(name)")) }
    }

    @Test(
        "P1-3: The program systemd-analyze accepts the units of the systemd page",
        .enabled(if: analyzer != nil, "needs systemd-analyze")
    )
    func systemdAcceptsUnits() async throws {
        try await Sandbox.with { sandbox in
            let program = sandbox.root + "/heroproc"
            try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: Sandbox.binary)
            for (name, text) in Self.units {
                // The program of this build has another path. A link, because its directory may need quotes in a unit.
                let own = text.replacing("/usr/local/bin/heroproc", with: program)
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
