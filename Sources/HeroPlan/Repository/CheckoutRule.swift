public import HeroModel

/// The paths that manifests of a commit may have.
///
/// Each commit has a directory of its own, so a socket or PID file in it would move with every commit, and a file that
/// is not part of the commit cannot exist there.
public struct CheckoutRule: Sendable {
    /// The absolute directory with the files of the commit.
    public var root: String

    /// Makes a rule.
    public init(root: String) {
        self.root = root
    }

    /// The errors of a set of manifests, sorted by location; `exists` is asked only for paths below the root.
    public func errors(in desired: DesiredState, _ exists: (String) -> Bool) -> [Diagnostic] {
        var errors: [Diagnostic] = []
        for declared in desired.services.values {
            let spec = declared.spec
            var needed = [("cwd", spec.workingDirectory)]
            needed += Self.environment(spec.environmentFiles, spec.environment)
            add(needed, declared.location, declared.location(of:), exists, to: &errors)
            for action in spec.actions {
                let location = { (key: String) in
                    let path = "actions.\(action.name).\(key)"
                    return declared.locations[path] ?? declared.location(of: key)
                }
                addPaths(of: action, declared.location, location, exists, to: &errors)
            }
        }
        for declared in desired.actions.values where declared.spec.isStandalone {
            addPaths(of: declared.spec, declared.location, declared.location(of:), exists, to: &errors)
        }
        return errors.sorted()
    }

    private func addPaths(
        of action: ActionSpec,
        _ place: ManifestLocation,
        _ location: (String) -> ManifestLocation,
        _ exists: (String) -> Bool,
        to errors: inout [Diagnostic]
    ) {
        var needed = [("cwd", action.workingDirectory)]
        needed += Self.environment(action.environmentFiles, action.environment)
        add(needed, place, location, exists, to: &errors)
        let runtime = [("pid_file", action.pidFile)] + action.sockets.map { ("sockets", $0) }
        for (key, path) in runtime {
            guard let path, isInside(path) else { continue }
            errors.append(
                Diagnostic(
                    .error,
                    code: "path-in-checkout",
                    "`\(key)` lies in the files of the commit, which are elsewhere with the next commit: \(path)",
                    help: "write an absolute path",
                    at: location(key)
                )
            )
        }
    }

    private func add(
        _ needed: [(String, String?)],
        _ place: ManifestLocation,
        _ location: (String) -> ManifestLocation,
        _ exists: (String) -> Bool,
        to errors: inout [Diagnostic]
    ) {
        for (key, path) in needed {
            guard let path, isInside(path), !exists(path) else { continue }
            errors.append(
                Diagnostic(
                    .error,
                    code: "not-in-commit",
                    "`\(key)` names a file that is not in the commit: \(path.dropFirst(root.count + 1))",
                    help: "add it to the repository, or write an absolute path",
                    at: location(key)
                )
            )
        }
    }

    private static func environment(
        _ files: [EnvironmentFileReference],
        _ variables: [String: EnvironmentValue]
    ) -> [(String, String?)] {
        files.filter { !$0.isOptional }.map { ("env_file", $0.path) }
            + variables.values.compactMap(\.file).map { ("env", $0) }
    }

    private func isInside(_ path: String) -> Bool {
        path.utf8.count > root.utf8.count && path.utf8.starts(with: (root + "/").utf8)
    }
}
