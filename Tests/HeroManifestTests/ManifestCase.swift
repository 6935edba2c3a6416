import Foundation
import HeroManifest
import HeroModel
import Testing

/// One folder below `Cases`: manifests, and what reading them must print.
struct ManifestCase: CustomTestStringConvertible, Sendable {
    let name: String
    let url: URL

    var testDescription: String { name }

    /// The folders of a kind, `bad` or `good`, by name.
    static func all(_ kind: String) -> [ManifestCase] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases/\(kind)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path(percentEncoded: false))) ?? []
        return names.sorted().map { ManifestCase(name: $0, url: root.appending(path: $0)) }
    }

    /// The manifests of the case, as if they lay in `/srv/demo/services.d`.
    func files() throws -> [ManifestFile] {
        let root = url.path(percentEncoded: false)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".yaml") }
        return try paths.sorted().map { path in
            let bytes = try Data(contentsOf: url.appending(path: path))
            let folder = path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
            return ManifestFile(path: path, baseDirectory: "/srv/demo/services.d" + folder, bytes: [UInt8](bytes))
        }
    }

    /// Reads the manifests.
    func read() throws -> ManifestResult { Manifests.read(try files(), options: options) }

    /// What the caller of the case knows; the required core is asked for only where the case is about it.
    var options: ManifestOptions {
        ManifestOptions(
            requiresCore: name.hasPrefix("core-"),
            variables: keyValuePairs("variables.txt"),
            environment: keyValuePairs("environment.txt"),
            zoneExists: { Self.timeZones.contains($0) }
        )
    }

    /// The lines `NAME=VALUE` of a file of the case, if it has that file.
    private func keyValuePairs(_ file: String) -> [String: String] {
        let text = (try? String(contentsOf: url.appending(path: file), encoding: .utf8)) ?? ""
        let pairs = text.split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        }
        return Dictionary(pairs.map { (String($0[0]), String($0.last ?? "")) }, uniquingKeysWith: { $1 })
    }

    /// The time zones of the machine that the cases are read on.
    private static let timeZones: Set<String> = ["UTC", "Europe/Brussels", "America/New_York", "Asia/Tokyo", "EST5EDT"]

    /// Compares a text with a recorded one; with `RECORD_GOLDENS=1` records it, which fails once.
    func differenceFromGolden(_ text: String, named golden: String) throws -> String? {
        let file = url.appending(path: golden)
        let recorded = try? String(contentsOf: file, encoding: .utf8)
        if recorded == text { return nil }
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
            return "recorded \(name)/\(golden)"
        }
        return "\(name)/\(golden) differs; it would be\n\(text)"
    }
}

/// How goldens show results.
enum GoldenText {
    /// Diagnostics with line, caret, notes and help.
    static func diagnostics(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.map { found in
            let place = found.location.map { "\($0): " } ?? ""
            var lines = ["\(place)\(found.severity.rawValue): \(found.message) [\(found.code)]"]
            if let excerpt = found.excerpt, let place = found.location {
                let before = excerpt.unicodeScalars.prefix(place.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
                lines.append("    | \(excerpt)")
                lines.append("    | \(before)\(String(repeating: "^", count: found.length))")
            }
            for note in found.notes { lines.append("  note: \(note.location): \(note.message): \(note.excerpt ?? "")") }
            if let help = found.help {
                lines.append(
                    "  help: "
                        + help.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n        ")
                )
            }
            return lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    /// A desired state in canonical lines, each with its place.
    static func desired(_ desired: DesiredState) -> String {
        var text = ""
        for (name, declared) in desired.services.sorted(by: { $0.key < $1.key }) {
            text += "service \(name) at \(declared.location)\n"
            for line in CanonicalSpec(declared.spec).text.split(separator: "\n") {
                let path = String(line.prefix { $0 != "\t" })
                let value = line.dropFirst(path.count + 1)
                text += "  \(path) = \(value)  @ \(declared.location(of: path))\n"
            }
        }
        for (name, declared) in desired.actions.sorted(by: { $0.key < $1.key }) {
            text += "action \(name) at \(declared.location)\n"
            for line in CanonicalSpec(standalone: declared.spec).text.split(separator: "\n") {
                let path = String(line.prefix { $0 != "\t" })
                text += "  \(path) = \(line.dropFirst(path.count + 1))  @ \(declared.location(of: path))\n"
            }
        }
        return text + settings(desired.settings)
    }

    private static func settings(_ settings: Settings) -> String {
        var lines = ["required: \(settings.required.map(\.description).joined(separator: " "))"]
        for (name, value) in settings.variables.sorted(by: { $0.key < $1.key }) {
            lines.append("vars.\(name): \(value)")
        }
        if settings.passedEnvironment != Settings.defaultPassedEnvironment {
            lines.append("pass_env: \(settings.passedEnvironment.joined(separator: " "))")
        }
        for rule in settings.retention {
            let parts = [
                rule.tag.map { "tag \($0)" }, rule.service.map { "service \($0)" }, rule.action.map { "action \($0)" },
                "phases [\(rule.phases.map(\.rawValue).joined(separator: " "))]",
                "older than \(Canonical.duration(rule.olderThan))",
            ]
            lines.append("retention: \(parts.compactMap(\.self).joined(separator: ", "))")
        }
        if let most = settings.maxDisruption { lines.append("max_disruption: \(most)") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The documents as the store would record them.
    static func documents(_ documents: [DocumentRecord]) -> String {
        documents.map { "\($0.kind) \($0.name?.description ?? "-") at \($0.place)\n" }.joined()
    }
}
