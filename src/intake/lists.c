/* lists.c: closed lists of values and words, as data. A value on a list is readable from the first
 * sight only under the property that the list is for (names.c): "Linux" under `$os` is, "Linux"
 * under `nickname` is counted like any text.
 */
#include "intake/names.h"

#define LIST(array) ((struct str){array, sizeof(array) - 1})

/* Each list is one literal of lines: compact, and a value is found by scanning once (its verdict is
 * cached after). */
static const char oses[] =
    "Windows\nWindows Phone\nWindows Mobile\nMac OS "
    "X\nmacOS\niOS\niPadOS\ntvOS\nwatchOS\nvisionOS\nAndroid\nLinux\n"
    "Chrome OS\nChromeOS\nBlackBerry\nBlackBerry "
    "OS\nKaiOS\nUbuntu\nDebian\nFedora\nFreeBSD\nOpenBSD\nNetBSD\nTizen\n"
    "HarmonyOS\nFire OS\nSymbian OS\nwebOS\nPlayStation\nXbox\nNintendo\nSolaris\n";
static const char browsers[] =
    "Chrome\nChrome iOS\nChrome Mobile\nChromium\nHeadless Chrome\nFirefox\nFirefox iOS\nFirefox "
    "Mobile\nSafari\nMobile Safari\nMicrosoft Edge\n"
    "Internet Explorer\nInternet Explorer Mobile\nOpera\nOpera Mini\nOpera Mobile\nSamsung "
    "Internet\nFacebook Mobile\n"
    "UC Browser\nYandex\nWhale Browser\nAndroid "
    "Mobile\nBlackBerry\nKonqueror\nMozilla\nBrave\nVivaldi\nDuckDuckGo\n"
    "Silk\nMIUI Browser\nHuawei Browser\nQQ Browser\nInstagram\nElectron\n";
static const char libs[] =
    "web\nnode\npython\nruby\nphp\njdk\njava\ngo\nandroid\nswift\niphone\nreact-"
    "native\nflutter\nunity\nunreal\nrust\n"
    "dotnet\nc#\nelixir\nSegment: web\nSegment: iOS\nSegment: Android\nrudderstack\nweir\n";
static const char referrers[] = "$direct\n";
static const char protocols[] = "http:\nhttps:\nfile:\n";
static const char engines[] = "google\nbing\nyahoo\nduckduckgo\nbaidu\nyandex\necosia\n";
static const char countries[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR "
    "BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES "
    "ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN "
    "IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG "
    "MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL "
    "PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";

static bool on_list(struct str list, char separator, struct str value) {
    if (value.n == 0) return false;
    while (list.n > 0) {
        if (str_eq(str_cut(&list, separator), value)) return true;
    }
    return false;
}

bool intake_value_listed(enum intake_values list, struct str value) {
    switch (list) {
    case VALUES_NONE:
        return false;
    case VALUES_OS:
        return on_list(LIST(oses), '\n', value);
    case VALUES_BROWSER:
        return on_list(LIST(browsers), '\n', value);
    case VALUES_LIB:
        return on_list(LIST(libs), '\n', value);
    case VALUES_COUNTRY:
        return on_list(LIST(countries), ' ', value);
    case VALUES_REFERRER:
        return on_list(LIST(referrers), '\n', value);
    case VALUES_PROTOCOL:
        return on_list(LIST(protocols), '\n', value);
    case VALUES_ENGINE:
        return on_list(LIST(engines), '\n', value);
    }
    return false;
}

/* ---- words of names ---- */

static const char measures[] = "amount\nprice\nrevenue\ncents\nbytes\nsize\nms\nus\nns\nsec\nsecs\n"
                               "seconds\nmillis\nmilliseconds\nminutes\nhours\n"
                               "duration\nelapsed\nlatency\ncount\ntotal\nsum\nquantity\nqty\ncost"
                               "\nvalue\nbalance\nbudget\nfee\nfees\ntax\n"
                               "discount\nsubtotal\nprofit\nmargin\nsales\nscore\npoints\nrate\nrat"
                               "io\npercent\npercentage\nlength\nwidth\n"
                               "height\ndepth\nweight\ndistance\nviews\nvisits\nclicks\nsessions\ne"
                               "vents\nrows\nitems\nusers\nseats\nviewers\n"
                               "followers\nsubscribers\ndownloads\ninstalls\nplays\nkb\nmb\ngb\nkil"
                               "obytes\nmegabytes\nbitrate\nfps\npixels\n"
                               "tokens\nsalary\nincome\nmrr\narr\nltv\ngmv\nusd\neur\ngbp\njpy\n";
/* After one of these the number names something instead of measuring it. */
static const char identifiers[] = "id\nids\ncode\nnumber\nno\nnr\nnum\nphone\nmobile\nssn\niban\nzi"
                                  "p\npostcode\naccount\ncard\npin\nkey\nref\n"
                                  "reference\nserial\nuid\nuuid\nuser\nname\ntoken\n";
static const char coordinates[] =
    "lat\nlatitude\nlng\nlon\nlong\nlongitude\ncoordinate\ncoordinates\ncoords\n";

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
static bool is_letter(char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z');
}

/* The next word of a name in lower case: words end at what is no letter, and before a capital after
 * a small letter. */
static bool next_word(struct str *rest, char *word /* [24] */, struct str *out) {
    size_t i = 0, n = 0;
    while (i < rest->n && !is_letter(rest->p[i]))
        i++;
    if (i == rest->n) return false;
    for (; i < rest->n && is_letter(rest->p[i]); i++) {
        if (n > 0 && is_upper(rest->p[i]) && !is_upper(rest->p[i - 1])) break;
        if (n < 24) word[n] = (char)(rest->p[i] | 0x20);
        n++;
    }
    *rest = str_from(*rest, i);
    *out = (struct str){word, n < 24 ? n : 0};
    return true;
}

uint16_t intake_name_words(struct str name) {
    char word[24];
    struct str w;
    bool measure = false, identifier = false;
    while (next_word(&name, word, &w)) {
        if (on_list(LIST(coordinates), '\n', w)) return NAME_COORDINATE;
        measure = measure || on_list(LIST(measures), '\n', w);
        identifier = identifier || on_list(LIST(identifiers), '\n', w);
    }
    return measure && !identifier ? NAME_MEASURE : 0;
}

/* ---- ids and links ---- */

bool intake_id_refused(struct str id) {
    static const char refused[] =
        "00000000-0000-0000-0000-000000000000\nanon\nanonymous\nnil\nnone\nnull\nn/a\nna\n"
        "undefined\nunknown\n<nil>\n0\n-1\ntrue\nfalse\n[]\n{}\n";
    if (id.n > 36) return false;
    struct str list = LIST(refused);
    while (list.n > 0) {
        if (str_ieq(str_cut(&list, '\n'), id)) return true;
    }
    return false;
}

bool intake_campaign_param(struct str name) {
    static const char clicks[] = "dclid\nfbclid\ngclid\ngbraid\nwbraid\nko_click_id\nli_fat_"
                                 "id\nmsclkid\nsccid\nttclid\ntwclid\n";
    if (!str_starts(name, STR("utm_"))) return on_list(LIST(clicks), '\n', name);
    for (size_t i = 4; i < name.n; i++) {
        if (name.p[i] != '_' && !(name.p[i] >= 'a' && name.p[i] <= 'z')) return false;
    }
    return name.n > 4 && name.n <= 36;
}
