import HeroManifest
import HeroModel
import Testing

/// Entries of a services directory that are not read.
@Suite("Skipped manifests") struct SkippedManifestTests {
    private static func skipped(_ name: String, _ reason: SkippedManifest.Reason) -> SkippedManifest {
        SkippedManifest(path: "s/\(name)", absolutePath: "/srv/s/\(name)", reason)
    }

    private static func desired(_ files: [(path: String, text: String)]) throws -> DesiredState {
        let manifests = files.map {
            ManifestFile(path: $0.path, baseDirectory: "/srv/s", bytes: Array($0.text.utf8))
        }
        return try #require(Manifests.read(manifests, options: ManifestOptions(requiresCore: false)).desired)
    }

    private static func service(_ name: String) -> String {
        "kind: Service\nname: \(name)\nactions: [{name: main, exec: [web]}]\n"
    }

    @Test("A skipped entry is a warning, and the set stays valid")
    func warnings() {
        let entries = [
            Self.skipped("a.yaml", .brokenLink(target: "b")), Self.skipped("p.yaml", .notAFile(kind: "a FIFO")),
        ]
        let result = Manifests.read([], skipped: entries, options: ManifestOptions(requiresCore: false))
        #expect(result.desired != nil)
        #expect(result.diagnostics.map(\.code) == ["link-not-followed", "not-a-file"])
        #expect(result.diagnostics.map { $0.location?.file } == ["s/a.yaml", "s/p.yaml"])
        #expect(result.diagnostics.allSatisfy { $0.severity == .warning && $0.help != nil })
    }

    @Test(
        "A skipped entry may replace a manifest with its path, or below it",
        arguments: [
            ("web.yaml", .brokenLink(target: "x"), true), ("web", .brokenLink(target: "x"), false),
            ("other.yaml", .nameNotUTF8, true), ("sub/other.yaml", .nameNotUTF8, false),
            ("", .tooDeep, false), ("web.yam", .linkOutside(target: "x"), false),
        ] as [(String, SkippedManifest.Reason, Bool)]
    )
    func replacement(name: String, reason: SkippedManifest.Reason, mayReplace: Bool) {
        #expect(Self.skipped(name, reason).mayReplace("/srv/s/web.yaml") == mayReplace)
        let folder = SkippedManifest(path: "s", absolutePath: "/srv/s", .folderLink(target: "/x"))
        #expect(folder.mayReplace("/srv/s/web.yaml") && !folder.mayReplace("/srv/sub.yaml"))
    }

    @Test("Only an active service whose manifest is not read any more is an error")
    func lostServices() throws {
        let before = try Self.desired([
            ("/srv/s/web.yaml", Self.service("web")), ("/srv/s/old.yaml", Self.service("old")),
            ("/srv/s/db.yaml", Self.service("db")), ("/srv/s/off.yaml", Self.service("off")),
            (
                "/srv/s/job.yaml",
                "kind: Action\nname: job\nexec: [job]\nschedule: {every: 1h}\n"
            ),
        ])
        let now = try Self.desired([("/srv/s/db.yaml", Self.service("db"))])
        let entries = ["web.yaml", "off.yaml", "db.yaml", "job.yaml"].map { Self.skipped($0, .brokenLink(target: "x")) }
        let errors = SkippedManifest.errors(entries, before: before, now: now) { $0.name != "off" }
        #expect(errors.map(\.code) == ["declaration-not-read", "declaration-not-read"])
        #expect(errors.map { $0.location?.file } == ["s/job.yaml", "s/web.yaml"])
        #expect(errors.last?.message.hasPrefix("core/web would stop, because") == true)
        #expect(SkippedManifest.errors([], before: before, now: now) { _ in true }.isEmpty)
        #expect(SkippedManifest.errors(entries, before: before, now: before) { _ in true }.isEmpty)
    }
}
