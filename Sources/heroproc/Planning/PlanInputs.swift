import HeroManifest
import HeroModel
import HeroPlan
import HeroStore
import HeroView

/// What a plan was made of: enough to tell later whether it would still be the same one.
struct PlanInputs: Decodable {
    /// One manifest file.
    struct File: Decodable, Hashable {
        /// Relative to the services directory.
        var path: String
        /// Of its bytes.
        var digest: String
    }

    /// What was asked of the planner.
    struct Options: Decodable {
        var only: [String]
        var prune: Bool
        var kill: Bool
        var allowProtected: Bool
        var allowDisruption: Bool
    }

    /// What it compares with, as `--against` has it.
    var against: String
    /// The absolute services directory.
    var directory: String
    /// The recorded revision whose manifests it leads to; nil: those of the directory.
    var revision: RevisionNumber?
    /// The files, in their order.
    var files: [File]
    /// The digest of what they mean, with every variable filled in.
    var meaning: String
    /// What was asked of the planner.
    var options: Options

    /// Takes down what a plan was made of.
    init(_ reading: PreparedPlan) {
        against = reading.base.description
        directory = reading.wanted.directory
        revision = reading.wanted.revision
        files = Self.files(reading.wanted)
        meaning = reading.meaning
        let asked = reading.options
        options = Options(
            only: asked.only.map(\.description),
            prune: asked.prunes,
            kill: asked.allowsReclaims,
            allowProtected: asked.allowsProtected,
            allowDisruption: asked.allowsDisruption
        )
    }

    private static func files(_ wanted: DesiredManifests) -> [File] {
        wanted.recordedFiles.map { file in
            let isInside = file.path.hasPrefix(wanted.directory + "/")
            let path = isInside ? String(file.path.dropFirst(wanted.directory.count + 1)) : file.path
            return File(path: path, digest: contentDigest(file.bytes))
        }
    }

    /// The same for the planner.
    var planOptions: PlanOptions {
        PlanOptions(
            prunes: options.prune,
            only: options.only.compactMap { QualifiedName(reference: $0, in: QualifiedName.defaultContext) },
            allowsReclaims: options.kill,
            allowsProtected: options.allowProtected,
            allowsDisruption: options.allowDisruption
        )
    }

    /// The member `basis` of `heroproc/plan/v1`.
    var json: JSONValue {
        [
            "against": .string(against),
            "directory": .string(directory),
            "revision": JSONValue(revision),
            "meaning": .string(meaning),
            "files": .array(files.map { ["path": .string($0.path), "digest": .string($0.digest)] }),
            "options": [
                "only": .array(options.only.map(JSONValue.string)),
                "prune": .bool(options.prune),
                "kill": .bool(options.kill),
                "allow_protected": .bool(options.allowProtected),
                "allow_disruption": .bool(options.allowDisruption),
            ],
        ]
    }

    /// What is no longer as it was, in words; nil when all of it still is.
    func firstDifference(_ now: PlanInputs) -> String? {
        let (before, after) = (Set(files), Set(now.files))
        let paths = before.symmetricDifference(after).map(\.path).sorted()
        if let path = paths.first {
            let others = paths.count > 1 ? Set(paths).count - 1 : 0
            let more = others > 0 ? " (and \(others) more)" : ""
            let wasThere = files.contains { $0.path == path }
            let isThere = now.files.contains { $0.path == path }
            let what = wasThere ? (isThere ? "has changed" : "is gone") : "is new"
            return "\(directory)/\(path) \(what) since it was made\(more)"
        }
        guard meaning == now.meaning else {
            return "the files are the same and mean something else: a variable has another value than when it was made"
        }
        return nil
    }
}
