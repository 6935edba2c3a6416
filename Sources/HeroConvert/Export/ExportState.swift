internal import HeroModel

/// What an export has written so far, and its report.
struct ExportState {
    /// The files.
    var files: [GeneratedFile] = []
    private var items: [LossItem] = []
    private var exact = 0

    /// Reports the fate of a key of a manifest.
    mutating func report(_ key: String, _ code: LossCode, _ text: String, at location: ManifestLocation) {
        guard code != .exact else {
            exact += 1
            return
        }
        items.append(LossItem(file: location.file, line: location.line, key: key, code: code, text: text))
    }

    /// Counts keys with the same meaning.
    mutating func countExact() { exact += 1 }

    /// The files and the report, in the order of the manifests.
    func result() -> ImportResult {
        let sorted = items.enumerated().sorted {
            ($0.element.file, $0.element.line, $0.offset) < ($1.element.file, $1.element.line, $1.offset)
        }.map(\.element)
        return ImportResult(
            files: files.sorted { $0.name < $1.name },
            report: LossReport(exact: exact, items: sorted, renamed: [], accepted: [])
        )
    }
}
