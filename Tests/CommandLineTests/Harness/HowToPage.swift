import Foundation

/// A page of `docs/how-to`: what stands there is tried as it stands.
struct HowToPage {
    let text: String

    init(_ name: String) {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try? Data(contentsOf: root.appendingPathComponent("docs/how-to/\(name)"))
        text = String(decoding: data ?? Data(), as: UTF8.self)
    }

    /// The texts between fences of a language.
    func blocks(_ language: String) -> [String] {
        text.components(separatedBy: "```\(language)\n").dropFirst().map { rest in
            rest.components(separatedBy: "\n```").first ?? ""
        }
    }
}
