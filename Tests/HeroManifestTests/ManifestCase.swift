import Foundation
import HeroManifest
import HeroModel
import Testing

/// One directory below `Cases`: manifests with the recorded result of reading them.
struct ManifestCase: CustomTestStringConvertible, Sendable {
    let name: String
    let url: URL

    var testDescription: String { name }

    /// Returns the cases of a kind, `bad` or `good`, sorted by name.
    static func all(_ kind: String) -> [ManifestCase] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases/\(kind)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path(percentEncoded: false))) ?? []
        return names.sorted().map { ManifestCase(name: $0, url: root.appending(path: $0)) }
    }

    /// Returns the manifests of the case, with `/srv/demo/services.d` as their directory.
    func files() throws -> [ManifestFile] {
        let root = url.path(percentEncoded: false)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".yaml") }
        return try paths.sorted().map { path in
            let bytes = try Data(contentsOf: url.appending(path: path))
            let directory = path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
            return ManifestFile(path: path, baseDirectory: "/srv/demo/services.d" + directory, bytes: [UInt8](bytes))
        }
    }

    /// Reads the manifests.
    func read() throws -> ManifestResult { Manifests.read(try files(), options: options) }

    /// The options of the case; the required core is checked only in the cases about it.
    var options: ManifestOptions {
        var options = ManifestOptions(
            requiresCore: name.hasPrefix("core-"),
            variables: keyValuePairs("variables.txt"),
            environment: keyValuePairs("environment.txt"),
            zoneExists: { Self.timeZones.contains($0) },
            readVariableFile: { [url] path in
                let name = path.replacing("/srv/demo/services.d/", with: "")
                guard let data = try? Data(contentsOf: url.appending(path: name)) else {
                    return .failure(VariableFileError("No such file or directory"))
                }
                return .success([UInt8](data))
            }
        )
        options.now = WallTime(rfc3339: "2026-12-01T00:00:00Z")
        return options
    }

    /// Returns the `NAME=VALUE` lines of a file of the case; empty if the file does not exist.
    private func keyValuePairs(_ file: String) -> [String: String] {
        let text = (try? String(contentsOf: url.appending(path: file), encoding: .utf8)) ?? ""
        let pairs = text.split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        }
        return Dictionary(pairs.map { (String($0[0]), String($0.last ?? "")) }, uniquingKeysWith: { $1 })
    }

    /// The time zones that exist in the cases.
    private static let timeZones: Set<String> = [
        "UTC", "local", "Europe/Brussels", "America/New_York", "Asia/Tokyo", "EST5EDT",
    ]

    /// Compares a text with the recorded one; `RECORD_GOLDENS=1` records it and fails once.
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
