import HeroJSON
import HeroManifest
import HeroModel
import HeroPlan
import HeroStore
import HeroView

/// The inputs of a plan.
///
/// They show later whether the plan would still be the same.
struct PlanInputs: Decodable {
    /// One manifest file.
    struct File: Decodable, Hashable {
        /// Relative to the services directory.
        var path: String
        /// The digest of the content.
        var digest: String
    }

    /// The options of the plan.
    struct Options: Decodable {
        var only: [String]
        var prune: Bool
        var kill: Bool
        var allowProtected: Bool
        var allowDisruption: Bool
        /// Nil in a plan of an earlier version.
        var allowBroken: Bool?
    }

    /// The base of the comparison, as an argument of `--against`.
    var against: String
    /// The absolute services directory.
    var directory: String
    /// The recorded revision whose manifests are desired; nil for the manifests of the directory.
    var revision: RevisionNumber?
    /// The manifest files, in order.
    var files: [File]
    /// The digest of the decoded manifests, with every variable replaced.
    var meaning: String
    /// The options of the plan.
    var options: Options

    /// Collects the inputs of a plan.
    init(_ prepared: PreparedPlan) {
        against = prepared.base.description
        directory = prepared.manifests.directory
        revision = prepared.manifests.revision
        files = Self.files(prepared.manifests)
        meaning = prepared.meaning
        let requested = prepared.options
        options = Options(
            only: requested.only.map(\.description),
            prune: requested.prunes,
            kill: requested.allowsReclaims,
            allowProtected: requested.allowsProtected,
            allowDisruption: requested.allowsDisruption,
            allowBroken: requested.allowsBroken
        )
    }

    private static func files(_ manifests: DesiredManifests) -> [File] {
        manifests.recordedFiles.map { file in
            let isInside = file.path.hasPrefix(manifests.directory + "/")
            let path = isInside ? String(file.path.dropFirst(manifests.directory.count + 1)) : file.path
            return File(path: path, digest: contentDigest(file.bytes))
        }
    }

    /// The options for the planner.
    var planOptions: PlanOptions {
        var result = PlanOptions(
            prunes: options.prune,
            only: options.only.compactMap { QualifiedName(reference: $0, in: QualifiedName.defaultContext) },
            allowsReclaims: options.kill,
            allowsProtected: options.allowProtected,
            allowsDisruption: options.allowDisruption,
            allowsBroken: options.allowBroken ?? false
        )
        result.goesBack = revision != nil
        return result
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
                "allow_broken": .bool(options.allowBroken ?? false),
            ],
        ]
    }

    /// Describes the first difference to other inputs; nil if there is none.
    func firstDifference(_ now: PlanInputs) -> String? {
        let (before, after) = (Set(files), Set(now.files))
        let paths = before.symmetricDifference(after).map(\.path).sorted()
        if let path = paths.first {
            let others = paths.count > 1 ? Set(paths).count - 1 : 0
            let more = others > 0 ? " (and \(others) more)" : ""
            let wasThere = files.contains { $0.path == path }
            let isThere = now.files.contains { $0.path == path }
            let what = wasThere ? (isThere ? "has changed" : "was removed") : "is new"
            return "\(directory)/\(path) \(what) since the plan was made\(more)"
        }
        guard meaning == now.meaning else {
            return "a variable has another value than when the plan was made; the files have not changed"
        }
        return nil
    }
}
