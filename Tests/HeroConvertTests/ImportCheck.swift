import HeroConvert
import HeroManifest
import HeroModel
import Testing

/// Runs imports and checks what must hold for every result.
enum ImportCheck {
    /// Imports texts as files.
    static func convert(
        _ format: ImportFormat,
        _ files: [(path: String, text: String)],
        accepted: Set<LossCode> = []
    ) throws -> ImportResult {
        let inputs = files.map { ImportFile(path: $0.path, bytes: Array($0.text.utf8)) }
        let result = try Importer.convert(ImportRequest(format, inputs, accepted: accepted))
        check(result)
        return result
    }

    /// Imports one text.
    static func convert(_ format: ImportFormat, _ text: String, path: String = "input") throws -> ImportResult {
        try convert(format, [(path, text)])
    }

    /// The diagnostics of a result that are errors.
    static func errors(in result: ImportResult) -> [Diagnostic] {
        read(result).diagnostics.filter { $0.severity == .error }
    }

    /// Reads a result with the manifest reader.
    static func read(_ result: ImportResult) -> ManifestResult {
        let files = result.files.map {
            ManifestFile(path: $0.name, baseDirectory: "/srv/services.d", bytes: Array($0.text.utf8))
        }
        let environment = ["HOME": "/root", "USER": "root", "XDG_RUNTIME_DIR": "/run/user/0"]
        return Manifests.read(files, options: ManifestOptions(requiresCore: true, environment: environment))
    }

    /// The services of a result by name.
    static func services(_ result: ImportResult) -> [String: ServiceSpec] {
        let desired = read(result).desired ?? DesiredState()
        return Dictionary(uniqueKeysWithValues: desired.services.map { ($0.key.name, $0.value.spec) })
    }

    private static func check(_ result: ImportResult) {
        for error in errors(in: result) {
            Issue.record("\(error.location?.description ?? ""): \(error.message) [\(error.code)]\n\(text(result))")
        }
        let order = result.report.items.map { ($0.file, $0.line) }
        for (first, second) in zip(order, order.dropFirst()) where first.0 == second.0 {
            #expect(first.1 <= second.1, "the report is not in the order of the source")
        }
    }

    /// All files as one text.
    static func text(_ result: ImportResult) -> String {
        result.files.map { "# \($0.name)\n\($0.text)" }.joined(separator: "---\n") + "\n" + result.report.text
    }
}

extension LossReport {
    /// The codes of a key, in the order of the source.
    func codes(_ key: String) -> [LossCode] {
        items.filter { $0.key == key || $0.key.hasSuffix(" " + key) }.map(\.code)
    }
}
