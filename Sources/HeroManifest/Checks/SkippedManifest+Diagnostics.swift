public import HeroModel

extension SkippedManifest {
    /// The warning that the entry is not read.
    public var warning: Diagnostic {
        let (code, help): (DiagnosticCode, String) =
            switch reason {
            case .linkOutside: (.linkNotFollowed, "copy the file into the services directory")
            case .folderLink: (.linkNotFollowed, "move the folder into the services directory")
            case .brokenLink: (.linkNotFollowed, "create its target, or remove the link")
            case .notAFile: (.notAFile, "replace it with a regular file, or give it another name")
            case .nameNotUTF8: (.nameNotUTF8, "rename it")
            case .tooDeep: (.folderTooDeep, "move the folder up")
            }
        return Diagnostic(.warning, code: code.rawValue, "it is not read: \(reasonText)", help: help, at: location)
    }

    /// The errors for everything that would stop because the entries that declared it before are not read now.
    ///
    /// - Parameters:
    ///   - skipped: The entries that are not read.
    ///   - before: The recorded manifests, with absolute paths.
    ///   - now: The manifests that are read.
    ///   - isActive: Whether a service runs or may be started again.
    /// - Returns: The errors, sorted by manifest.
    public static func errors(
        _ skipped: [SkippedManifest],
        before: DesiredState,
        now: DesiredState,
        isActive: (QualifiedName) -> Bool
    ) -> [Diagnostic] {
        guard !skipped.isEmpty else { return [] }
        var lost: [(text: String, file: String)] = []
        for (name, service) in before.services where now.services[name] == nil && isActive(name) {
            lost.append(("\(name) would stop", service.location.file))
        }
        for (name, action) in before.actions
        where action.spec.isStandalone && !(now.actions[name]?.spec.isStandalone ?? false) {
            lost.append(("the action \(name) would not run any more", action.location.file))
        }
        return lost.sorted { ($0.file, $0.text) < ($1.file, $1.text) }.compactMap { text, file in
            guard let entry = skipped.first(where: { $0.mayReplace(file) }) else { return nil }
            return Diagnostic(
                .error,
                code: DiagnosticCode.declarationNotRead.rawValue,
                "\(text), because its manifest \(file) is not read any more: \(entry.reasonText)",
                help: "restore the manifest; to remove it from the set, remove this entry too",
                at: entry.location
            )
        }
    }

    private var location: ManifestLocation { ManifestLocation(file: path, line: 1, column: 1) }

    private var reasonText: String {
        switch reason {
        case .linkOutside(let target): "it is a link to \(target), outside of the services directory"
        case .folderLink(let target): "it is a link to the folder \(target), outside of the services directory"
        case .brokenLink(let target): "it is a link to \(target), which does not exist"
        case .notAFile(let kind): "it is \(kind) and not a regular file"
        case .nameNotUTF8: "its name is not UTF-8"
        case .tooDeep: "it is a folder more than \(ManifestFileRules.maximumDepth) levels below the services directory"
        }
    }
}
