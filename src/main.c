/* main.c: the processes as a table, and the commands. */
#include "cli/cli.h"
#include "console/console.h"
#include "courier/courier.h"
#include "front/front.h"
#include "supervise/supervise.h"

static const struct process_row processes[] = {
    {PROCESS_FRONT, "front", front_run},
    {PROCESS_CONSOLE, "console", console_run},
    {PROCESS_COURIER, "courier", courier_run},
};

int main(int argc, char **argv) {
    return cli_main(argc, argv, processes, (int)(sizeof processes / sizeof *processes));
}
