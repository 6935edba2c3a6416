/// A commit object, separated into the signed text and its signature.
struct SignedCommit: Hashable {
    /// The bytes that were signed.
    var payload: [UInt8]
    /// The signature in its armor; nil if the commit has none.
    var signature: [UInt8]?

    /// Separates the header `gpgsig`, or `gpgsig-sha256`, from the rest of the object.
    ///
    /// The lines of the signature after the first begin with one blank.
    init(object: [UInt8]) {
        var payload: [UInt8] = []
        var signature: [UInt8] = []
        var hasSignature = false
        var isSignature = false
        var rest = object[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 10).map { $0 + 1 } ?? rest.endIndex
            let line = rest[..<end]
            // The message begins after an empty line.
            guard line.first != 10 else { break }
            rest = rest[end...]
            if isSignature, line.first == 32 {
                signature += line.dropFirst()
                continue
            }
            isSignature = false
            if let value = Self.signatureValue(line) {
                // A second signature would make the signed text ambiguous: then the commit counts as not signed.
                signature = hasSignature ? [] : Array(value)
                isSignature = true
                hasSignature = true
                continue
            }
            payload += line
        }
        self.payload = payload + rest
        self.signature = hasSignature ? signature : nil
    }

    private static func signatureValue(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        for name in ["gpgsig ", "gpgsig-sha256 "] where line.starts(with: name.utf8) {
            return line.dropFirst(name.utf8.count)
        }
        return nil
    }

    /// Whether the signature was made with an SSH key; other kinds are not accepted.
    var isSSHSignature: Bool {
        signature?.starts(with: "-----BEGIN SSH SIGNATURE-----".utf8) ?? false
    }
}
