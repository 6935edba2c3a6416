import Foundation
import Synchronization
import Testing

/// The files of the repository that contains this test.
enum Repository {
    /// The folder of Package.swift.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A file of the repository.
    struct File: Sendable, CustomTestStringConvertible {
        /// The path from the root, with slashes.
        let path: String
        /// The content.
        let text: String

        var testDescription: String { path }
        var name: String { path.split(separator: "/").last.map(String.init) ?? path }
        var source: SourceText { Repository.parsedSource(of: self) }
    }

    /// Parsed sources by path, because many tests read the same files.
    private static let parsedSources = Mutex<[String: SourceText]>([:])

    private static func parsedSource(of file: File) -> SourceText {
        if let known = parsedSources.withLock({ $0[file.path] }) { return known }
        let source = SourceText(file.text)
        parsedSources.withLock { $0[file.path] = source }
        return source
    }

    /// The names of the folders in a folder of the repository, sorted.
    static func folders(in path: String) throws -> [String] {
        let children = try FileManager.default.contentsOfDirectory(
            at: root.appending(path: path),
            includingPropertiesForKeys: [.isDirectoryKey],
            options: .skipsHiddenFiles
        )
        return try children.filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
            .map(\.lastPathComponent).sorted()
    }

    /// The folder of tools that only develop and test the product.
    private static let development = "Sources/Development"

    /// The names of all modules and programs below `Sources`, sorted.
    static func modules() throws -> [String] {
        (try folders(in: "Sources").filter { $0 != "Development" } + folders(in: development)).sorted()
    }

    /// The folder of a module; nil if there is none.
    static func folder(of module: String) -> String? {
        ["Sources/\(module)", "\(development)/\(module)"].first(where: has)
    }

    /// The files below a folder whose names have one of the endings; all files if no ending is given.
    static func files(below path: String, ending: String...) throws -> [File] {
        let start = root.appending(path: path)
        guard let walk = FileManager.default.enumerator(at: start, includingPropertiesForKeys: [.isRegularFileKey])
        else {
            return []
        }
        var paths: [String] = []
        for case let url as URL in walk {
            guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
            if ending.isEmpty || ending.contains(where: { url.lastPathComponent.hasSuffix($0) }) {
                paths.append(String(filePath(url).dropFirst(filePath(root).count)))
            }
        }
        return try paths.sorted().map { try file($0) }
    }

    /// Reads one file of the repository.
    static func file(_ path: String) throws -> File {
        File(path: path, text: String(decoding: try Data(contentsOf: root.appending(path: path)), as: UTF8.self))
    }

    /// Whether a file or folder exists.
    static func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: filePath(root.appending(path: path)))
    }

    /// The path of a file without percent-encoding.
    static func filePath(_ url: URL) -> String { url.path(percentEncoded: false) }
}
