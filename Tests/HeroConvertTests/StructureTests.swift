import Foundation
import HeroConvert
import HeroModel
import Testing

/// Public configurations reduced to their structure: the keys are kept, and all names, paths and texts are replaced.
@Suite("Structures of public configurations")
struct StructureTests {
    /// One configuration: the files of a folder.
    struct Structure: Sendable, CustomTestStringConvertible {
        let format: ImportFormat
        let folder: URL
        var testDescription: String { "\(format.rawValue)/\(folder.lastPathComponent)" }

        var files: [ImportFile] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.sorted().compactMap { name in
                guard let data = try? Data(contentsOf: folder.appending(path: name)) else { return nil }
                return ImportFile(path: name, bytes: Array(data))
            }
        }
    }

    static let structures: [Structure] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Structures")
        return ImportFormat.allCases.flatMap { format in
            let folder = root.appending(path: format.rawValue)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.sorted().map { Structure(format: format, folder: folder.appending(path: $0)) }
        }
    }()

    @Test("The import of every structure is valid and always the same", arguments: structures)
    func importsStructure(_ structure: Structure) throws {
        let request = ImportRequest(structure.format, structure.files, accepted: Set(LossCode.allCases))
        let result = try Importer.convert(request)
        let errors = ImportCheck.errors(in: result)
        #expect(errors.isEmpty, "\(errors.map(\.message))")
        #expect(!ImportCheck.services(result).isEmpty || result.files.contains { $0.text.contains("kind: Action") })
        let again = try Importer.convert(request)
        #expect(again.files == result.files)
        #expect(again.report.items == result.report.items)
        #expect(result.report.refused.isEmpty)
    }

    @Test("There are at least ten structures of every format")
    func hasEnoughStructures() {
        #expect(Self.structures.count >= 60)
        for format in ImportFormat.allCases {
            #expect(Self.structures.count { $0.format == format } >= 10, "\(format.rawValue)")
        }
    }
}
