/* style.c: the look of the pages, the one script, and the policy that allows exactly these two.
 *
 * Everything is inline, so a page is one request and needs no other host; the policy names the
 * hashes, so nothing else runs or styles even if markup should ever slip through. The script only
 * fetches the page again each minute; without it everything works. Colours are given twice, by the
 * wish of the visitor's system; each has a contrast of at least 4.5 to what it stands on. The
 * page's own accent is decoration and never carries text.
 */
#include <sodium.h>

#include "page/inside.h"

static const char colors[] =
    ":root{color-scheme:light dark;--bg:#f1f5f5;--card:#fff;--ink:#10262d;--mute:#50646b;"
    "--line:#d9e2e3;--sunk:#e9efef;--link:#0a6480;--accent:#0a6a84;--o:#2a9d5c;--ot:#17693a;"
    "--d:#d9a021;--dt:#7a5200;--p:#e0752d;--pt:#9a430b;--x:#d23b31;--xt:#a8231b;--m:#5b7bd1;"
    "--mt:#3553a3;--n:#cdd8da;--nt:#50646b;--water:#2f93b3;--soft:#d3eaf0}"
    "@media(prefers-color-scheme:dark){:root{--bg:#0b1417;--card:#111d21;--ink:#e0ebed;"
    "--mute:#98adb4;--line:#223338;--sunk:#18272c;--link:#62c3db;--accent:#2fa8c6;--o:#3fb873;"
    "--ot:#6fd79b;--d:#d9a53a;--dt:#edc25f;--p:#e5854a;--pt:#f3a06b;--x:#e5584d;--xt:#f7958b;"
    "--m:#7893e6;--mt:#a3b7f5;--n:#2b3d43;--nt:#98adb4;--water:#38b6d6;--soft:#15353f}}";

static const char layout[] =
    "*{box-sizing:border-box}body,h1,h2,h3,p,ul,ol,dl,dd{margin:0;padding:0}ul,ol{list-style:none}"
    "body{background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',"
    "Roboto,'Noto Sans','DejaVu Sans',sans-serif;font-variant-numeric:tabular-nums;"
    "border-top:4px solid var(--accent);overflow-wrap:anywhere}"
    "a{color:var(--link);text-underline-offset:3px}"
    "a:focus-visible,button:focus-visible,summary:focus-visible,input:focus-visible,"
    "textarea:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:4px}"
    ".wrap{max-width:880px;margin:0 auto;padding-left:20px;padding-right:20px}"
    ".top{display:flex;flex-wrap:wrap;gap:6px 20px;align-items:baseline;padding-top:26px;"
    "padding-bottom:18px}"
    ".brand{font-size:21px;font-weight:650;letter-spacing:-.01em;margin-right:auto;color:inherit;"
    "text-decoration:none}"
    ".top nav{display:flex;gap:18px;font-size:14px}"
    "main{display:grid;gap:22px;padding-bottom:44px}main>*{min-width:0}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px "
    "22px}"
    "h1{font-size:25px;line-height:1.25;font-weight:650;letter-spacing:-.015em}"
    "h2{font-size:17px;font-weight:650;letter-spacing:-.005em}h3{font-size:15px;font-weight:600}"
    ".mute,small{color:var(--mute);font-size:13px}"
    ".intro{color:var(--mute);max-width:80ch}"
    ".t-o{color:var(--ot)}.t-d{color:var(--dt)}.t-p{color:var(--pt)}.t-x{color:var(--xt)}"
    ".t-m{color:var(--mt)}.t-n{color:var(--nt)}"
    "svg .o{fill:var(--o);stroke:var(--o)}svg .d{fill:var(--d);stroke:var(--d)}"
    "svg .p{fill:var(--p);stroke:var(--p)}svg .x{fill:var(--x);stroke:var(--x)}"
    "svg .m{fill:var(--m);stroke:var(--m)}svg .n{fill:var(--n);stroke:var(--n)}"
    "svg .w{fill:none;stroke:var(--card);stroke-width:2.4;stroke-linecap:round;"
    "stroke-linejoin:round}"
    ".icon{width:20px;height:20px;flex:none;vertical-align:-4px}"
    ".now{display:flex;gap:16px;align-items:center;padding:24px 22px;border-left-width:6px}"
    ".now .icon{width:38px;height:38px}"
    ".b-o{border-left:6px solid var(--o)}.b-d{border-left:6px solid var(--d)}"
    ".b-p{border-left:6px solid var(--p)}.b-x{border-left:6px solid var(--x)}"
    ".b-m{border-left:6px solid var(--m)}.b-n{border-left:6px solid var(--n)}";

static const char parts[] =
    ".inc{display:grid;gap:12px}.inc h2{font-size:18px}.inc h2 a{color:inherit}"
    ".tags{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--mute)}"
    ".tags b{color:var(--ink);font-weight:600}"
    ".ups{display:grid;gap:14px}.ups li{display:grid;gap:2px;padding-left:14px;"
    "border-left:2px solid var(--line)}.ups strong{font-weight:650}"
    ".ups p,.pm{white-space:pre-line;max-width:72ch}"
    ".row{display:grid;grid-template-columns:1fr auto auto;gap:7px 18px;padding:16px 22px;"
    "border-top:1px solid var(--line);align-items:center}"
    ".list{padding:0;overflow:hidden}.list>h2{padding:18px 22px 15px}"
    ".state{display:flex;gap:7px;align-items:center;font-size:14px;font-weight:600;"
    "justify-self:end}"
    ".row .desc,.bars,.scale,.more{grid-column:1/-1}"
    ".bars{display:block;width:100%;height:34px}"
    ".bars path{fill:none!important;stroke-width:34;stroke-dasharray:3 1}"
    ".bars rect{fill:transparent;stroke:none}"
    ".scale{display:flex;align-items:center;gap:10px;font-size:13px;color:var(--mute)}"
    ".scale i{flex:1;height:1px;background:var(--line)}"
    ".grp>summary{cursor:pointer;display:grid;grid-template-columns:auto 1fr auto;gap:10px;"
    "align-items:center;padding:15px 22px;border-top:1px solid var(--line);list-style:none}"
    ".grp>summary::-webkit-details-marker{display:none}"
    ".grp>summary::before{content:'';width:7px;height:7px;border:solid var(--mute);"
    "border-width:0 2px 2px 0;transform:rotate(-45deg);transition:transform .15s}"
    ".grp[open]>summary::before{transform:rotate(45deg)}"
    ".grp .row{padding-left:40px}"
    "button{font:inherit;font-size:14px;font-weight:600;color:var(--ink);background:var(--"
    "card);"
    "border:1px solid var(--mute);border-radius:8px;padding:7px "
    "13px;min-height:38px;cursor:pointer}"
    "button:hover{background:var(--sunk)}"
    ".row button{min-height:34px;padding:4px 12px}.row h3{grid-column:1}"
    ".more{font-size:14px}"
    ".more summary{cursor:pointer;color:var(--link);padding:6px 0;width:max-content;max-width:100%}"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px 26px;"
    "padding:10px 0 4px}"
    ".facts h4{font-size:13px;margin:0 0 4px;color:var(--mute);font-weight:600}"
    ".facts li{display:flex;justify-content:space-between;gap:12px}"
    ".chart{display:block;width:100%;height:130px;margin-top:12px;"
    "border-bottom:1px solid var(--line)}"
    ".chart .l{fill:var(--soft);stroke:var(--water);stroke-width:1.6;"
    "vector-effect:non-scaling-stroke;stroke-linejoin:round}"
    ".chart .e{fill:none;stroke:var(--mute);stroke-width:1.4;stroke-dasharray:4 4;"
    "vector-effect:non-scaling-stroke}"
    ".axis{display:flex;justify-content:space-between;font-size:12px;color:var(--mute);"
    "padding-top:4px}"
    ".key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--mute)}"
    ".key i{display:inline-block;width:18px;margin-right:7px;vertical-align:4px;"
    "border-top:2px solid var(--water)}.key i.dash{border-top:2px dashed var(--mute)}"
    ".split{display:flex;flex-wrap:wrap;gap:6px 20px;justify-content:space-between;"
    "align-items:baseline}";

static const char rest[] =
    ".days{display:grid;gap:16px}.days>li{display:grid;gap:6px;padding-top:15px;"
    "border-top:1px solid var(--line)}.days>li:first-child{border:0;padding-top:0}"
    ".days h3 a{color:inherit}"
    ".month{display:grid;gap:14px}"
    ".choices{display:flex;flex-wrap:wrap;gap:10px}"
    "textarea,input{font:inherit;width:100%;max-width:60ch;min-height:38px;padding:7px 11px;"
    "color:inherit;background:var(--bg);border:1px solid var(--mute);border-radius:8px}"
    "textarea{min-height:76px}label{font-weight:600;font-size:14px}.stack{display:grid;gap:14px;"
    "justify-items:start}"
    "footer{border-top:1px solid var(--line);font-size:13px;color:var(--mute)}"
    "footer .wrap{display:flex;flex-wrap:wrap;gap:8px 20px;padding-top:18px;padding-bottom:34px}"
    "footer p{margin-right:auto}"
    ".skip{position:absolute;left:-999px}.skip:focus{left:12px;top:8px;background:var(--card);"
    "padding:8px}"
    "@media(max-width:560px){.wrap{padding-left:14px;padding-right:14px}.card{padding:17px "
    "16px}.list{padding:0}"
    ".row,.list>h2,.grp>summary{padding-left:16px;padding-right:16px}.grp .row{padding-left:16px}"
    ".now{padding:20px 16px}.now h1{font-size:21px}.now .icon{width:32px;height:32px}"
    ".row{grid-template-columns:1fr auto}.row button{grid-column:1/-1;order:9;min-height:42px}}"
    "@media print{button,.more,nav{display:none}}";

const char page_script[] =
    "(()=>{let t;const go=async()=>{try{if(!document.hidden&&!document.activeElement.matches("
    "'input,textarea,button')){const r=await fetch(location.href);if(r.ok){const d=new DOMParser()"
    ".parseFromString(await r.text(),'text/html'),m=d.querySelector('main'),o=document"
    ".querySelector('main');if(m&&m.innerHTML!==o.innerHTML){for(const e of o.querySelectorAll("
    "'details[id]')){const n=m.querySelector('#'+e.id);if(n)n.open=e.open}"
    "o.replaceWith(m);document.title=d.title}}}}catch(e){}clearTimeout(t);t=setTimeout(go,6e4)};"
    "t=setTimeout(go,6e4);document.addEventListener('visibilitychange',()=>{if(!document.hidden){"
    "clearTimeout(t);t=setTimeout(go,1e3)}});document.addEventListener('submit',e=>{try{const "
    "s=localStorage,i=document.createElement('input');s.weir_device||=[...crypto.getRandomValues("
    "new Uint8Array(12))].map(n=>n.toString(16)).join('-');i.type='hidden';i.name='device';"
    "i.value=s.weir_device;e.target.append(i)}catch(e){}})})()";

static const char embed[] =
    "html,body,h1{margin:0;background:transparent;font:inherit}a{display:flex;gap:9px;align-items:"
    "center;"
    "height:36px;padding:0 12px;border:1px solid var(--line);border-radius:9px;"
    "background:var(--card);color:var(--ink);text-decoration:none;font:600 14px/1 system-ui,"
    "-apple-system,'Segoe UI',Roboto,sans-serif;white-space:nowrap;overflow:hidden;"
    "box-sizing:border-box}a:hover{background:var(--sunk)}"
    ".icon{width:18px;height:18px;flex:none}"
    "svg .o{fill:var(--o)}svg .d{fill:var(--d)}svg .p{fill:var(--p)}svg .x{fill:var(--x)}"
    "svg .m{fill:var(--m)}svg .n{fill:var(--n)}svg .w{fill:none;stroke:var(--card);"
    "stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}";

static void put_z(struct buf *b, const char *z) {
    buf_put(b, z, strlen(z));
}

static bool is_color(struct str s) {
    if (s.n != 7 || s.p[0] != '#') return false;
    for (size_t i = 1; i < s.n; i++) {
        char c = (char)(s.p[i] | 0x20);
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

void page_put_style(struct work *w, struct buf *b, bool embedded) {
    put_z(b, colors);
    if (is_color(w->m->page.accent))
        buf_printf(b, ":root{--accent:" STR_FMT "}", STR_ARG(w->m->page.accent));
    if (embedded) {
        put_z(b, embed);
        return;
    }
    put_z(b, layout);
    put_z(b, parts);
    put_z(b, rest);
}

static void put_hash(struct buf *b, struct str content) {
    uint8_t hash[crypto_hash_sha256_BYTES];
    char text[64];
    crypto_hash_sha256(hash, (const uint8_t *)content.p, content.n);
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    buf_printf(b, "'sha256-%s'", text);
}

void page_put_policy(struct work *w, struct buf *b, bool embedded) {
    AUTO(buf_done) struct buf style;
    buf_init(&style, 65536);
    page_put_style(w, &style, embedded);
    put_z(b, "default-src 'none'; style-src ");
    put_hash(b, buf_str(&style));
    if (!embedded) {
        put_z(b, "; script-src ");
        put_hash(b, str_z(page_script));
        put_z(b, "; connect-src 'self'; img-src 'self'; form-action 'self'");
    }
    put_z(b, "; base-uri 'none'; frame-ancestors ");
    put_z(b, embedded ? "*" : "'none'");
}
