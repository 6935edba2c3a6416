/// The files of the dashboard, which are part of the program.
enum PageFiles {
    private static let script = "text/javascript; charset=utf-8"

    /// The file of a path; nil if there is none.
    static func response(_ path: String) -> HTTPResponse? {
        let file: (bytes: [UInt8], type: String)? =
            switch path {
            case "/": (PackageResources.index_html, "text/html; charset=utf-8")
            case "/style.css": (PackageResources.style_css, "text/css; charset=utf-8")
            case "/icon.svg": (PackageResources.icon_svg, "image/svg+xml")
            case "/app.js": (PackageResources.app_js, script)
            case "/api.js": (PackageResources.api_js, script)
            case "/dom.js": (PackageResources.dom_js, script)
            case "/pages.js": (PackageResources.pages_js, script)
            case "/service.js": (PackageResources.service_js, script)
            case "/services.js": (PackageResources.services_js, script)
            default: nil
            }
        return file.map { file in
            HTTPResponse(status: .ok, contentType: file.type, body: file.bytes, headers: securityHeaders)
        }
    }

    /// The page runs only its own scripts, connects only to this server, and is shown in no frame.
    private static let securityHeaders: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
}
