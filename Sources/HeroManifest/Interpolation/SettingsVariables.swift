internal import HeroModel

/// The variables that the settings of a set declare, read from the tree before decoding.
///
/// Invalid values are left out here and reported when the document is decoded.
struct SettingsVariables {
    /// The values of `vars`.
    private(set) var values: [String: String] = [:]
    /// The names of `pass_env`; nil if the key is not written.
    private(set) var passedNames: [String]?
    /// The files of `vars_files`.
    private(set) var files: [(path: String, text: String, file: Int, span: Span)] = []
    /// The values in these files.
    private(set) var fileValues: [String: String] = [:]
    private var isFound = false

    /// A file of `vars_files` that cannot be used.
    struct FileError {
        var message: String
        var help: String
        /// The index of the manifest file.
        var file: Int
        var span: Span
    }

    /// Reads the variables if the document is the first one of kind Settings.
    mutating func readSettings(_ document: YAMLNode, in decoder: FileDecoder) {
        guard !isFound, Interpolator.kind(of: document) == .settings, case .mapping(let entries) = document.content
        else { return }
        isFound = true
        for entry in entries {
            switch (entry.key, entry.value.content) {
            case ("vars", .mapping(let variables)):
                for variable in variables {
                    guard case .scalar(let text, plain: _) = variable.value.content else { continue }
                    values[variable.key] = variable.value.isNull ? "" : text
                }
            case ("vars_files", .sequence(let items)):
                for item in items {
                    guard case .scalar(let text, plain: _) = item.content, !item.isNull, !text.isEmpty else { continue }
                    let path = Paths.absolute(text, in: decoder.source.file.baseDirectory)
                    files.append((path, text, decoder.fileIndex, item.span))
                }
            case ("pass_env", .sequence(let items)):
                passedNames = items.compactMap { item in
                    if case .scalar(let text, plain: _) = item.content { text } else { nil }
                }
            default: continue
            }
        }
    }

    /// Reads the files of `vars_files`, and returns the errors.
    mutating func readFiles(_ options: ManifestOptions) -> [FileError] {
        var errors: [FileError] = []
        for (path, text, file, span) in files {
            func fail(_ cause: String, help: String) {
                errors.append(
                    FileError(
                        message: "the variables file \(quoted(path)): \(cause)",
                        help: help,
                        file: file,
                        span: span
                    )
                )
            }
            guard !text.contains("${") else {
                fail("its path contains a variable", help: "write the path itself: the variables are read from it")
                continue
            }
            guard let read = options.readVariableFile else { continue }
            switch read(path) {
            case .failure(let error): fail(error.cause, help: "create the file, or remove it from `vars_files`")
            case .success(let bytes):
                do throws(EnvironmentFile.SyntaxError) {
                    fileValues.merge(try EnvironmentFile.parse(bytes)) { $1 }
                } catch {
                    fail("line \(error.line): \(error.reason)", help: "write lines of `NAME=value`")
                }
            }
        }
        return errors
    }
}
