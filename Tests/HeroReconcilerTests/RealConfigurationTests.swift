import Foundation
import HeroManifest
import HeroModel
import HeroPlan
import Testing

/// Configurations of public projects, rewritten as manifests: each is valid, expresses what its source does, and can be
/// planned.
@Suite("Configurations of real projects")
struct RealConfigurationTests {
    /// A configuration, and the number of lines of its manifests before the keys that shorten them.
    private struct Configuration: Sendable {
        var name: String
        var services: Int
        var startWaves: Int
        var earlierLines: Int
    }

    private static let all = [
        Configuration(name: "01-pc-showcase", services: 9, startWaves: 3, earlierLines: 83),
        Configuration(name: "02-espresso", services: 26, startWaves: 7, earlierLines: 567),
        Configuration(name: "04-slacklinker", services: 2, startWaves: 2, earlierLines: 23),
        Configuration(name: "10-frappe-bench", services: 6, startWaves: 3, earlierLines: 58),
        Configuration(name: "13-mastodon-systemd", services: 4, startWaves: 1, earlierLines: 37),
        Configuration(name: "16-docker", services: 2, startWaves: 2, earlierLines: 23),
        Configuration(name: "22-mastodon-compose", services: 5, startWaves: 2, earlierLines: 59),
        Configuration(name: "28-etcd", services: 3, startWaves: 1, earlierLines: 24),
        Configuration(name: "31-zos-zinit", services: 8, startWaves: 5, earlierLines: 47),
        Configuration(name: "33-void-redis", services: 1, startWaves: 1, earlierLines: 13),
    ]

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures/Configurations")

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name + ".yaml"), encoding: .utf8)
    }

    private static func read(_ name: String) throws -> ManifestResult {
        let file = ManifestFile(path: name + ".yaml", baseDirectory: "/srv", bytes: Array(try text(name).utf8))
        var options = ManifestOptions(requiresCore: false)
        options.readVariableFile = { path in
            guard let name = path.split(separator: "/").last,
                let data = try? Data(contentsOf: folder.appending(path: String(name)))
            else { return .failure(VariableFileError("No such file or directory")) }
            return .success([UInt8](data))
        }
        return Manifests.read([file], options: options)
    }

    private static func service(_ name: String, of configuration: String, context: String = "core") throws
        -> ServiceSpec
    {
        let desired = try #require(try read(configuration).desired)
        return try #require(desired.services[QualifiedName(name, context: context)]).spec
    }

    @Test(
        "The manifests of a real project are valid, planned in waves, and shorter than before",
        arguments: all.indices
    )
    func plans(_ index: Int) throws {
        let configuration = Self.all[index]
        let result = try Self.read(configuration.name)
        let errors = result.diagnostics.filter { $0.severity == .error }
        #expect(errors.isEmpty, "\(errors.map(\.message))")
        // Units of the appliance that are not part of the set are only wanted.
        #expect(configuration.name == "31-zos-zinit" || result.diagnostics.isEmpty)
        let desired = try #require(result.desired)
        #expect(desired.services.count == configuration.services)
        let plan = Planner.plan(desired, Observed())
        #expect(plan.refusals.isEmpty)
        #expect(plan.startWaves.count == configuration.startWaves, "\(plan.startWaves)")
        let wanted = desired.services.values.filter { $0.spec.status == .start }.map(\.spec.name)
        #expect(Set(plan.startWaves.joined()) == Set(wanted))
        let lines = try Self.text(configuration.name).split(separator: "\n", omittingEmptySubsequences: false).count - 1
        #expect(lines < configuration.earlierLines)
    }

    @Test("The variables of a file and the environment of all processes reach every service")
    func sharedEnvironment() throws {
        let sequencer = try Self.service("sequencer3", of: "02-espresso")
        #expect(sequencer.environment["ESPRESSO_SEQUENCER_L1_PROVIDER"] == .text("http://localhost:25545"))
        #expect(sequencer.environment["ESPRESSO_SEQUENCER_API_PORT"] == .text("25403"))
        #expect(sequencer.actions[0].restart == .never)
        #expect(sequencer.actions[0].startTimeout == .seconds(100))
    }

    @Test("A log path of its own is a link to the log")
    func logPaths() throws {
        #expect(try Self.service("postgres", of: "04-slacklinker").actions[0].log.link == "/tmp/postgres.log")
        let cache = try Self.service("redis-cache", of: "10-frappe-bench")
        #expect(cache.actions[0].log.link == "/home/frappe/bench/logs/redis-cache.log")
        #expect(cache.user == "www-data" && cache.workingDirectory == "/home/frappe/bench/sites")
    }

    @Test("A dependency that only gates the start in its source does not cascade")
    func gates() throws {
        for (name, configuration) in [
            ("postgres_init", "04-slacklinker"), ("boot", "31-zos-zinit"), ("web", "22-mastodon-compose"),
            ("fund-builder", "02-espresso"),
        ] {
            let context = configuration == "22-mastodon-compose" ? "mastodon" : "core"
            let spec = try Self.service(name, of: configuration, context: context)
            #expect(!spec.requirements.isEmpty && spec.requirements.allSatisfy { !$0.cascades }, "\(configuration)")
        }
    }

    @Test("The end of one program of a Procfile or a demo ends all of them")
    func essential() throws {
        for (name, configuration) in [("etcd1", "28-etcd"), ("etcd3", "28-etcd"), ("sequencer0", "02-espresso")] {
            #expect(try Self.service(name, of: configuration).isEssential, "\(configuration)")
        }
    }

    @Test("A health check of compose only reports, and a folder replaces a script")
    func healthAndFolders() throws {
        let web = try Self.service("web", of: "22-mastodon-compose", context: "mastodon")
        #expect(web.actions[0].health?.reaction == .report)
        #expect(web.environmentFiles == [EnvironmentFileReference("/srv/.env.production")])
        #expect(
            try Self.service("redis", of: "33-void-redis").actions[0].folders == [Folder("/run/redis", mode: 0o750)]
        )
    }

    @Test("Every manifest of the recipes is valid, without a warning")
    func recipes() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/how-to/recipes.md").standardized
        let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```")
        let blocks = parts.filter { $0.hasPrefix("yaml\n") }.map { String($0.dropFirst(5)) }
        #expect(blocks.count >= 7)
        for block in blocks {
            let file = ManifestFile(path: "recipe.yaml", baseDirectory: "/srv", bytes: Array(block.utf8))
            let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
            #expect(result.diagnostics.isEmpty, "\(block)\(result.diagnostics.map(\.message))")
            #expect(result.desired != nil)
        }
    }
}
