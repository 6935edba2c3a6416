import Foundation
import Synchronization
import Testing

/// The files of this repository, read where this test stands.
enum Repository {
    /// The folder that holds Package.swift.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A file of the repository.
    struct File: Sendable, CustomTestStringConvertible {
        /// Its path from the root, with slashes.
        let path: String
        /// What stands in it.
        let text: String

        var testDescription: String { path }
        var name: String { path.split(separator: "/").last.map(String.init) ?? path }
        var source: SourceText { Repository.parsedSource(of: self) }
    }

    /// Source texts that were read, by path: many tests look at the same ones.
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

    /// All files below a folder that end in one of the given ways; all of them if none is given.
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
                paths.append(String(url.path().dropFirst(root.path().count)))
            }
        }
        return try paths.sorted().map { try file($0) }
    }

    /// One file of the repository.
    static func file(_ path: String) throws -> File {
        File(path: path, text: String(decoding: try Data(contentsOf: root.appending(path: path)), as: UTF8.self))
    }

    /// Says whether there is such a file or folder.
    static func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path())
    }
}
